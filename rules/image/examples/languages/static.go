// Prints a greeting for its first argument.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Printf("hello %s, from user %d\n", os.Args[1], os.Getuid())
}
