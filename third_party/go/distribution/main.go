// Command registry is the distribution project's registry, built from the
// upstream module at the version that go.mod pins. It holds only the storage
// and authentication that tests configure, which keeps its build short.
package main

import (
	"os"

	"github.com/distribution/distribution/v3/registry"

	// Each registers itself under its name in the registry's configuration.
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
)

func main() {
	if err := registry.RootCmd.Execute(); err != nil {
		os.Exit(1)
	}
}
