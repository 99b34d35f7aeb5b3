package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A refusal is an error that Redis sent.
type refusal string

func (r refusal) Error() string { return string(r) }
func (refusal) RedisError()     {}

// passwordFile returns a key of a mounted Secret.
func passwordFile(t *testing.T, content string) login {
	folder := filepath.Join(t.TempDir(), "redis-users")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "places")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return login(path)
}

// The user has the file's name, and each new connection gets the password that the file has by then.
func TestTheFileIsReadForEachConnection(t *testing.T) {
	file := passwordFile(t, "first\n")
	for _, want := range []string{"first", "second"} {
		user, password, err := file.credentials(t.Context())
		if user != "places" || password != want || err != nil {
			t.Errorf("got %s, %s, %v", user, password, err)
		}
		if err := os.WriteFile(string(file), []byte("second"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A password that is missing, or that Redis refuses, is one sentence that names user, file and Secret; other errors are not.
func TestALoginThatFailsIsOneSentence(t *testing.T) {
	file := passwordFile(t, "\n")
	_, _, empty := file.credentials(t.Context())
	if err := os.Remove(string(file)); err != nil {
		t.Fatal(err)
	}
	_, _, missing := file.credentials(t.Context())

	for reason, err := range map[string]error{
		"the password is empty":                                  empty,
		"the password can't be read (no such file or directory)": fmt.Errorf("dial: %w", missing),
		"invalid username-password pair or user is disabled":     refusal("WRONGPASS invalid username-password pair or user is disabled."),
		"Authentication required":                                refusal("NOAUTH Authentication required."),
		"this user has no permissions to run the 'keys' command": refusal("NOPERM this user has no permissions to run the 'keys' command"),
	} {
		want := "Redis can't be used as user 'places' with the password in " + string(file) + " (" + reason + "). Pods have a changed Secret within two " +
			"minutes; if this stays, apply Redis, which makes the Secret redis-users, and restart this server."
		if got := file.explain(err); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for _, err := range []error{errors.New("WRONGPASS"), refusal("CLUSTERDOWN"), context.Canceled} {
		if got := file.explain(err); got != "" {
			t.Errorf("got %s", got)
		}
	}
}

// The monitor gives a better explanation as its reason.
func TestTheExplanationIsTheReason(t *testing.T) {
	m := &monitor{explain: func(err error) string { return strings.TrimPrefix(err.Error(), "other") }}
	if got := m.reasonOf(errors.New("the password is wrong")); got != "the password is wrong" {
		t.Errorf("got %s", got)
	}
	if got := m.reasonOf(errors.New("other")); got != "Redis does not respond: other" {
		t.Errorf("got %s", got)
	}
}
