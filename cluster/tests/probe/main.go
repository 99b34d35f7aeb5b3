// Command probe is the program that the integration tests run in pods: an HTTP
// server that returns its node's name, stores a file, and fetches from other
// servers on request, so that a test can find out what a pod can reach.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

// file is on the pod's volume; without a volume, PUT fails.
const file = "/data/content"

func main() {
	if len(os.Args) > 1 { // for `kubectl exec`
		fmt.Println(os.Args[1])
		return
	}
	http.HandleFunc("GET /name", name)
	http.HandleFunc("GET /file", read)
	http.HandleFunc("PUT /file", write)
	http.HandleFunc("GET /fetch", fetch)
	log.Println("probe is listening")
	log.Fatal(http.ListenAndServe(":8080", nil))
}

func name(response http.ResponseWriter, _ *http.Request) {
	answer(response, os.Getenv("NODE"), nil)
}

func read(response http.ResponseWriter, _ *http.Request) {
	content, err := os.ReadFile(file)
	answer(response, string(content), err)
}

func write(response http.ResponseWriter, request *http.Request) {
	content, err := io.ReadAll(request.Body)
	if err == nil {
		err = os.WriteFile(file, content, 0o600)
	}
	answer(response, "written", err)
}

func fetch(response http.ResponseWriter, request *http.Request) {
	// Each request opens a new connection, because a kept-alive one always leads to the same pod.
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	found, err := client.Get(request.URL.Query().Get("url"))
	if err != nil {
		answer(response, "", err)
		return
	}
	defer found.Body.Close()
	content, err := io.ReadAll(found.Body)
	answer(response, string(content), err)
}

func answer(response http.ResponseWriter, content string, err error) {
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadGateway)
		return
	}
	fmt.Fprint(response, content)
}
