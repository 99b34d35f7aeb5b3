package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/redis/go-redis/v9"
)

// A login is a file with the password of a user of Redis.
//
// The file is a key of a mounted Secret: its name is that of the user, and its folder's that of the Secret. It is read for each
// new connection, so that a changed Secret needs no restart.
type login string

// errNoPassword is the error while there is no password to send.
type errNoPassword string

func (e errNoPassword) Error() string { return string(e) }

func (l login) user() string { return filepath.Base(string(l)) }

// credentials returns user and password for a new connection.
func (l login) credentials(context.Context) (user, password string, err error) {
	content, err := os.ReadFile(string(l))
	var failed *os.PathError
	if errors.As(err, &failed) {
		return "", "", errNoPassword(fmt.Sprintf("the password can't be read (%v)", failed.Err))
	}
	if err != nil {
		return "", "", errNoPassword("the password can't be read")
	}
	password = strings.TrimRight(string(content), "\r\n")
	if password == "" {
		return "", "", errNoPassword("the password is empty")
	}
	return l.user(), password, nil
}

// explain returns one sentence on an error that is about user or password, "" for others.
func (l login) explain(err error) string {
	var missing errNoPassword
	var refused redis.Error
	reason := ""
	if errors.As(err, &missing) {
		reason = missing.Error()
	} else if errors.As(err, &refused) {
		for _, code := range []string{"WRONGPASS ", "NOAUTH ", "NOPERM "} {
			if text, found := strings.CutPrefix(refused.Error(), code); found {
				reason = strings.TrimRight(text, ".")
			}
		}
	}
	if reason == "" {
		return ""
	}
	return fmt.Sprintf("Redis can't be used as user '%s' with the password in %s (%s). Pods have a changed Secret within two minutes; if this stays, "+
		"apply Redis, which makes the Secret %s, and restart this server.", l.user(), string(l), reason, filepath.Base(filepath.Dir(string(l))))
}
