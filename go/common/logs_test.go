package common

import (
	"bytes"
	"log/slog"
	"regexp"
	"testing"
)

// A record is one line with time in UTC, level, text and attributes.
func TestARecordIsOneLine(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(NewLineHandler(&out)).With("a", 1).WithGroup("g")

	logger.Warn("first\nsecond", "b", 2)

	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING first \| second a=1 g\.b=2\n$`).Match(out.Bytes()) {
		t.Errorf("got %q", out.String())
	}
}

// Records below INFO are not logged.
func TestDebugIsNotLogged(t *testing.T) {
	var out bytes.Buffer

	slog.New(NewLineHandler(&out)).Debug("hidden")

	if out.Len() != 0 {
		t.Errorf("got %q", out.String())
	}
}
