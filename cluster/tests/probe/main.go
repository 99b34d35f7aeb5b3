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
	"strconv"
	"syscall"
	"time"
)

// file is on the pod's volume; without a volume, PUT fails.
const file = "/data/content"

func main() {
	if len(os.Args) > 1 {
		run(os.Args[1:])
		return
	}
	http.HandleFunc("GET /name", name)
	http.HandleFunc("GET /file", read)
	http.HandleFunc("PUT /file", write)
	http.HandleFunc("GET /fetch", fetch)
	log.Println("probe is listening")
	log.Fatal(http.ListenAndServe(":8080", nil))
}

// run does what a pod's command line or `kubectl exec` asks for; other words are printed.
func run(words []string) {
	most := 0
	if len(words) > 1 {
		most, _ = strconv.Atoi(words[1])
	}
	switch words[0] {
	case "memory":
		fmt.Println(takeMemory(most))
	case "processes":
		fmt.Println(startProcesses(most))
	case "sleep":
		time.Sleep(time.Minute)
	default:
		fmt.Println(words[0])
	}
}

// takeMemory uses up to the given number of mebibytes and returns how many it got, unless the kernel ends it.
func takeMemory(most int) int {
	var taken [][]byte
	for len(taken) < most {
		block := make([]byte, 1<<20)
		for at := 0; at < len(block); at += os.Getpagesize() {
			block[at] = 1
		}
		taken = append(taken, block)
	}
	return len(taken)
}

// startProcesses starts up to the given number of processes and returns how many it got.
func startProcesses(most int) int {
	for count := 0; count < most; count++ {
		if _, err := syscall.ForkExec(os.Args[0], []string{os.Args[0], "sleep"}, nil); err != nil {
			return count
		}
	}
	return most
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
