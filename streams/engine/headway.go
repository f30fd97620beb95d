package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// headway ends the start of a life that makes none: a request whose answer never comes is a doubt like any other.
type headway struct {
	limit time.Duration
	timer *time.Timer
	last  atomic.Pointer[string]
}

// stuckError is why a start was given up.
type stuckError struct{ text string }

func (e *stuckError) Error() string { return e.text }

// newHeadway cancels a start that makes no headway for as long as limit.
func newHeadway(limit time.Duration, cancel context.CancelCauseFunc) *headway {
	h := &headway{limit: limit}
	h.timer = time.AfterFunc(limit, func() {
		after := ""
		if last := h.last.Load(); last != nil {
			after = ", the last thing it did was: " + *last
		}
		cancel(&stuckError{fmt.Sprintf("the start got stuck: nothing moved for %s%s", limit, after)})
	})
	return h
}

// made says what was done last, and gives the next thing its time.
func (h *headway) made(what string) {
	h.last.Store(&what)
	h.timer.Reset(h.limit)
}

// why returns that the start got stuck, if it did, instead of what followed from it.
func (h *headway) why(ctx context.Context, err error) error {
	var stuck *stuckError
	if err != nil && errors.As(context.Cause(ctx), &stuck) {
		return stuck
	}
	return err
}

// end stops the watch.
func (h *headway) end() { h.timer.Stop() }
