package main

import (
	"io"
	"os"
	"time"
)

const (
	logLimit    = 16 << 20 // bytes; the previous part stays beside it
	logInterval = 30 * time.Second
)

// keepLogSmall cuts a program's log whenever it exceeds the limit.
func keepLogSmall(path string) {
	for {
		time.Sleep(logInterval)
		_ = cutLog(path, logLimit)
	}
}

// cutLog moves the content of a log that is larger than limit bytes to
// PATH.1. The program keeps its file open. Because it appends, it continues at
// the start of the emptied file.
func cutLog(path string, limit int64) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() <= limit {
		return err
	}
	source, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer source.Close()
	kept, err := os.OpenFile(path+".1", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer kept.Close()
	if _, err := io.Copy(kept, source); err != nil {
		return err
	}
	return source.Truncate(0)
}
