package feed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/penstock-ledger/penstock/streams"
)

const (
	// retryDelayFirst is the pause after the first question that was not answered; each further one is twice as long.
	retryDelayFirst = 100 * time.Millisecond
	// retryDelayMax bounds the pause, so that work goes on soon after the registry is back.
	retryDelayMax = 5 * time.Second
)

// waitingText is what is logged and shown while the registry is away.
const waitingText = "waiting for schema registry"

// pace is how fast questions are asked again.
type pace struct{ first, longest time.Duration }

// refusedError is an answer that asking again would not change.
type refusedError struct{ error }

func (r refusedError) Unwrap() error { return r.error }

// waits counts who is waiting, and remembers the last reason.
type waits struct {
	mutex  sync.Mutex
	count  int
	reason string
}

// Waiting says what the registry's users wait for at the moment, or "" where nobody waits.
func (r *Registry) Waiting() string {
	r.waits.mutex.Lock()
	defer r.waits.mutex.Unlock()
	if r.waits.count == 0 {
		return ""
	}
	return waitingText + ": " + r.waits.reason
}

// untilAnswered asks until the registry answers, for good or ill, or ctx ends.
func (r *Registry) untilAnswered(ctx context.Context, ask func(context.Context) error) error {
	err := ask(ctx)
	if err == nil || isAnswer(err) {
		return err
	}
	r.waits.enter()
	defer r.waits.leave()
	for attempt, delay := 1, r.pace.first; ; attempt++ {
		if ctx.Err() != nil {
			return fmt.Errorf("%s (last answer: %w): %w", waitingText, err, context.Cause(ctx))
		}
		r.waits.because(err.Error())
		r.log.WarnContext(ctx, waitingText, "error", err, "attempt", attempt, "retryIn", delay)
		pause(ctx, delay)
		delay = min(2*delay, r.pace.longest)
		if err = ask(ctx); err == nil || isAnswer(err) {
			r.log.InfoContext(ctx, "schema registry answers again", "attempts", attempt+1)
			return err
		}
	}
}

func (w *waits) enter() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.count++
}

func (w *waits) leave() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.count--
}

func (w *waits) because(reason string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.reason = reason
}

// pause waits for the delay, or until ctx ends.
func pause(ctx context.Context, delay time.Duration) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// isAnswer says whether an error is a decision that asking again would not change: one of our own, or the registry's
// refusal of a schema (an incompatible or invalid one). Everything else, wrong credentials included, is put right by somebody, and
// then goes on by itself.
func isAnswer(err error) bool {
	var refused refusedError
	var unread *streams.Unreadable
	if errors.As(err, &refused) || errors.As(err, &unread) {
		return true
	}
	var answer *sr.ResponseError
	return errors.As(err, &answer) &&
		(answer.StatusCode == http.StatusConflict || answer.StatusCode == http.StatusUnprocessableEntity)
}
