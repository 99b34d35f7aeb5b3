package main

import (
	"encoding/json"
	"net/http"
)

// The codes of the OCI distribution specification that this program's own refusals have.
const (
	codeDenied       = "DENIED"
	codeTooMany      = "TOOMANYREQUESTS"
	codeUnauthorized = "UNAUTHORIZED"
	codeUnknown      = "UNKNOWN"
)

// refuse answers with an error in the form of the OCI distribution specification.
func refuse(w http.ResponseWriter, status int, code, message string) {
	type problem struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	answer(w, status, map[string][]problem{"errors": {{code, message}}})
}

// answer sends a value as JSON.
func answer(w http.ResponseWriter, status int, value any) {
	// Nothing that this program sends fails to encode.
	body, _ := json.Marshal(value)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// A client that has gone needs no answer.
	_, _ = w.Write(append(body, '\n'))
}
