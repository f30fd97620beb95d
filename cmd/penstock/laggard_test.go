package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/streams"
)

// laggard makes one of intake's doors slow: what it is told first waits until the door of the instructions has decided many ticks.
type laggard struct {
	door string
	// waits is closed when the door was told something, passed when it may go on.
	waits, passed chan struct{}
	met, gone     sync.Once
	ticks         atomic.Int64
}

// laggardTicks is more than any wait for ticks needs.
const laggardTicks = 400

func newLaggard(door string) *laggard {
	return &laggard{door: door, waits: make(chan struct{}), passed: make(chan struct{})}
}

func (l *laggard) wrap(process streams.Process) streams.Process {
	inner := process.NewHandler
	process.NewHandler = func(framing streams.Framing) streams.Handler { return &lagging{inner(framing), l, process.Name} }
	return process
}

// tick writes ticks until the door goes on.
func (l *laggard) tick(ctx context.Context, s *stack) error {
	for {
		select {
		case <-l.passed:
			return nil
		default:
		}
		if err := s.Tick(ctx); err != nil {
			return err
		}
	}
}

type lagging struct {
	streams.Handler
	laggard *laggard
	process string
}

func (h *lagging) Decide(scope *streams.Scope, route *streams.Route, key string, state []byte) (streams.Change, error) {
	l := h.laggard
	switch h.process {
	case l.door:
		l.met.Do(func() { close(l.waits) })
		<-l.passed
	case "intake-instruction":
		select {
		case <-l.waits:
			if l.ticks.Add(1) == laggardTicks {
				l.gone.Do(func() { close(l.passed) })
			}
		default:
		}
	}
	return h.Handler.Decide(scope, route, key, state)
}

// What is sent to one ingest topic is not in step with what is sent to another. Who closes a day, or waits until all is decided, waits for every one of them.
func TestADayIsClosedWithItsPricesHoweverLateIntakeHearsOfThem(t *testing.T) {
	late := newLaggard("intake-price")
	config := testConfig(t, stackDir(t))
	config.Wrap = late.wrap
	s, _ := testStack(t, config)
	ticked := make(chan error, 1)
	go func() {
		<-late.waits
		ticked <- late.tick(t.Context(), s)
	}()
	must(t, tour, "produce", "ingest.instruction.v1", "--dir", config.Dir)
	closed := read[roles.ClosedDay](t, "day", "close", "2008-03-20", "--json", "--dir", config.Dir)
	for _, trade := range closed.Trades {
		if trade.Status != "priced" {
			t.Errorf("trade %s is %s", trade.Asset, trade.Status)
		}
	}
	if err := <-ticked; err != nil || len(closed.Trades) != 2 {
		t.Errorf("the day came to %+v, %v", closed, err)
	}
}

func TestWhatAnOperatorSaidIsSettledHoweverLateIntakeHearsOfIt(t *testing.T) {
	late := newLaggard("intake-operator")
	config := testConfig(t, stackDir(t))
	config.Wrap = late.wrap
	s, _ := testStack(t, config)
	const contributed = `{"source":"portal","id":"c-2","pot":"p1","instructedOn":"2008-03-20","body":{"Contribution":{"cash":"200.00","split":[]}}}`
	must(t, tour+contributed, "produce", "ingest.instruction.v1", "--dir", config.Dir)
	must(t, "", append([]string{"declare", "fee", "1.50", "100.00", "2008-03-20", "--id", "fee-1", "--dir", config.Dir}, word()...)...)
	ticked := make(chan error, 1)
	go func() {
		<-late.waits
		ticked <- late.tick(t.Context(), s)
	}()
	if err := errors.Join(s.Settle(t.Context()), <-ticked); err != nil {
		t.Fatal(err)
	}
	if got := read[roles.PotView](t, "pot", "show", "p1", "--json", "--dir", config.Dir).Available; got != "198.50" {
		t.Errorf("after the fee %s is available", got)
	}
}
