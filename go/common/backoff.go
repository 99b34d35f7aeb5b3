package common

import (
	"math/rand/v2"
	"time"
)

// Backoff gives delays between attempts: exponential, with jitter.
//
// Delay n is a random duration between half of min(Limit, First * 2^n) and the whole of it. So clients that failed together do
// not retry together, and none retries at once.
type Backoff struct {
	First time.Duration
	Limit time.Duration
	bound time.Duration
}

// Next returns the next delay.
func (b *Backoff) Next() time.Duration {
	if b.bound == 0 {
		b.bound = b.First
	}
	delay := b.bound/2 + rand.N(b.bound/2+1)
	b.bound = min(b.Limit, b.bound*2)
	return delay
}

// Reset starts again with the first delay.
func (b *Backoff) Reset() {
	b.bound = 0
}
