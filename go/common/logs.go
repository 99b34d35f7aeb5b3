// Package common has what every Go service of the sample needs: logs, settings, retry delays and a stop signal.
package common

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// The names of levels are those of the Python services, so that one filter finds the lines of all services.
var levels = map[slog.Level]string{
	slog.LevelDebug: "DEBUG",
	slog.LevelInfo:  "INFO",
	slog.LevelWarn:  "WARNING",
	slog.LevelError: "ERROR",
}

// LineHandler is a slog.Handler that writes `2026-01-31T12:00:00.123Z INFO text key=value`, one line per record.
//
// Newlines become a bar, so that a multi-line message is still one record.
type LineHandler struct {
	mutex  *sync.Mutex
	out    io.Writer
	suffix string
	prefix string
}

// NewLineHandler returns a handler that writes to out.
func NewLineHandler(out io.Writer) *LineHandler {
	return &LineHandler{mutex: &sync.Mutex{}, out: out}
}

// Enabled returns whether records of a level are written: those from INFO on.
func (h *LineHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

// Handle writes one record.
func (h *LineHandler) Handle(_ context.Context, record slog.Record) error {
	var line strings.Builder
	name, known := levels[record.Level]
	if !known {
		name = record.Level.String()
	}
	fmt.Fprintf(&line, "%s %s %s%s", record.Time.UTC().Format("2006-01-02T15:04:05.000Z"), name, record.Message, h.suffix)
	record.Attrs(func(attr slog.Attr) bool {
		fmt.Fprintf(&line, " %s%s=%v", h.prefix, attr.Key, attr.Value)
		return true
	})
	text := strings.Join(strings.FieldsFunc(line.String(), func(r rune) bool { return r == '\n' || r == '\r' }), " | ")
	h.mutex.Lock()
	defer h.mutex.Unlock()
	_, err := io.WriteString(h.out, text+"\n")
	return err
}

// WithAttrs returns a handler that adds attributes to each line.
func (h *LineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	result := *h
	for _, attr := range attrs {
		result.suffix += fmt.Sprintf(" %s%s=%v", h.prefix, attr.Key, attr.Value)
	}
	return &result
}

// WithGroup returns a handler that puts the name of a group before each key.
func (h *LineHandler) WithGroup(name string) slog.Handler {
	result := *h
	result.prefix += name + "."
	return &result
}

// ConfigureLogs makes out the destination of all log lines.
func ConfigureLogs(out io.Writer) {
	slog.SetDefault(slog.New(NewLineHandler(out)))
}

// Infof logs a formatted message.
func Infof(format string, values ...any) {
	logf(slog.LevelInfo, format, values...)
}

// Warnf logs a formatted warning.
func Warnf(format string, values ...any) {
	logf(slog.LevelWarn, format, values...)
}

func logf(level slog.Level, format string, values ...any) {
	record := slog.NewRecord(time.Now(), level, fmt.Sprintf(format, values...), 0)
	// An unwritable stderr must not stop the service.
	_ = slog.Default().Handler().Handle(context.Background(), record)
}
