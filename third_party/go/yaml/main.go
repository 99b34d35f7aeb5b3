// Command yaml-to-json reads YAML documents with sigs.k8s.io/yaml, the library
// that kubectl reads manifests with.
//
// Standard input is a JSON list of texts, each one YAML document. Standard
// output is a JSON list with one {"json": TEXT} or {"error": TEXT} for each.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"sigs.k8s.io/yaml"
)

// answer is what the library says to one document.
type answer struct {
	JSON  string `json:"json,omitempty"`
	Error string `json:"error,omitempty"`
}

func main() {
	var texts []string
	if err := json.NewDecoder(os.Stdin).Decode(&texts); err != nil {
		fmt.Fprintln(os.Stderr, "yaml-to-json: standard input is not a JSON list of texts:", err)
		os.Exit(2)
	}
	answers := make([]answer, len(texts))
	for i, text := range texts {
		value, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			answers[i].Error = err.Error()
		} else {
			answers[i].JSON = string(value)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		fmt.Fprintln(os.Stderr, "yaml-to-json:", err)
		os.Exit(1)
	}
}
