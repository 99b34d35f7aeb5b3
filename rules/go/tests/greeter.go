// Prints a greeting from generated messages.
package main

import (
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"example.com/greeter/greetings"
	"example.com/greeter/names"
)

var version = "none"

func greet(name string) *greetings.Greeting {
	return &greetings.Greeting{Name: &names.Name{Text: name}, At: &timestamppb.Timestamp{Seconds: 1}}
}

func main() {
	greeting := greet("you")
	fmt.Println(greeting.GetName().GetText(), greeting.GetAt().GetSeconds(), version)
}
