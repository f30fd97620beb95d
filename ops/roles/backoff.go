package roles

import (
	"context"
	"time"
)

// The pauses between attempts to reach something that is away.
const (
	pauseFirst = 200 * time.Millisecond
	pauseMax   = 5 * time.Second
)

// backoff is a pause that grows.
type backoff struct{ next time.Duration }

func newBackoff() *backoff { return &backoff{pauseFirst} }

// pause waits, or returns why the context ended.
func (b *backoff) pause(ctx context.Context) error {
	err := sleep(ctx, b.next)
	b.next = min(2*b.next, pauseMax)
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
