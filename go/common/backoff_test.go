package common

import (
	"testing"
	"time"
)

// Each delay is between half of its bound and its bound; the bounds double up to the limit, and Reset starts again.
func TestDelaysDouble(t *testing.T) {
	backoff := Backoff{First: 200 * time.Millisecond, Limit: time.Second}

	for _, bound := range []time.Duration{200, 400, 800, 1000, 1000} {
		bound *= time.Millisecond
		if got := backoff.Next(); got < bound/2 || got > bound {
			t.Errorf("got %v, want %v to %v", got, bound/2, bound)
		}
	}
	backoff.Reset()
	if got := backoff.Next(); got > 200*time.Millisecond {
		t.Errorf("after Reset: got %v", got)
	}
}
