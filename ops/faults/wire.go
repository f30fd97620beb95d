package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Action is what happens to a request, or to its answer.
type Action string

// The actions. After Refused and Silent the broker has not got the request, after the others it has done it.
const (
	// Refused cuts the connection instead of sending the request.
	Refused Action = "refused"
	// Lost cuts the connection instead of delivering the answer.
	Lost Action = "lost"
	// Late holds the answer back, and with it all that follow on the connection.
	Late Action = "late"
	// Silent drops the request; the client waits for its timeout.
	Silent Action = "silent"
	// Mute drops the answer; the client waits for its timeout.
	Mute Action = "mute"
)

// Actions returns all actions on the wire.
func Actions() []Action { return []Action{Refused, Lost, Late, Silent, Mute} }

// lateMax is how long Late holds an answer back: much longer than any answer takes, shorter than any timeout.
const lateMax = 60 * time.Millisecond

// Rule strikes once: at the Nth request of a kind, counted from 1.
type Rule struct {
	Key kmsg.Key
	Nth int
	Do  Action
}

func (r Rule) String() string { return fmt.Sprintf("%s #%d %s", r.Key.Name(), r.Nth, r.Do) }

// ErrCut is what a client sees of a connection that was cut.
var ErrCut = errors.New("the connection was cut")

// Dialer makes connections, as net.Dialer.DialContext does.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Wire carries all connections of a process to its brokers. It is safe for use by many goroutines.
type Wire struct {
	dial Dialer

	mutex  sync.Mutex
	rules  map[Rule]bool
	seen   map[kmsg.Key]int
	struck []Rule
	conns  map[*wireConn]bool
	dead   bool
	// thaw is closed when a frozen wire moves again; nil while it moves.
	thaw chan struct{}
}

// NewWire makes a wire that breaks by the rules. A nil dial connects by TCP.
func NewWire(dial Dialer, rules ...Rule) *Wire {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	w := &Wire{dial: dial, rules: make(map[Rule]bool), seen: make(map[kmsg.Key]int), conns: make(map[*wireConn]bool)}
	for _, rule := range rules {
		w.rules[rule] = true
	}
	return w
}

// Dial connects; it is the Dialer of a client.
func (w *Wire) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if w.isDead() {
		return nil, ErrCut
	}
	raw, err := w.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn := &wireConn{Conn: raw, wire: w, marked: make(map[int32]Action), closed: make(chan struct{})}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.dead {
		return nil, errors.Join(ErrCut, raw.Close())
	}
	w.conns[conn] = true
	return conn, nil
}

// Kill cuts everything for good, as the end of the process would: not even a goodbye gets through.
func (w *Wire) Kill() {
	w.mutex.Lock()
	w.dead = true
	conns := w.conns
	w.conns = make(map[*wireConn]bool)
	w.mutex.Unlock()
	for conn := range conns {
		_ = conn.Close() // it is thrown away
	}
	w.Thaw()
}

// Freeze lets nothing through until Thaw, while all connections stay: the process sleeps, or its network does.
func (w *Wire) Freeze() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.thaw == nil {
		w.thaw = make(chan struct{})
	}
}

// Thaw ends a Freeze.
func (w *Wire) Thaw() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.thaw != nil {
		close(w.thaw)
		w.thaw = nil
	}
}

// Struck returns the rules that struck so far, in their order.
func (w *Wire) Struck() []Rule {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return append([]Rule(nil), w.struck...)
}

// Kinds returns the kinds of requests that were sent, in the order of their numbers.
func (w *Wire) Kinds() []kmsg.Key {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return slices.Sorted(maps.Keys(w.seen))
}

func (w *Wire) isDead() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.dead
}

// request counts a request and returns what is to happen to it, or "".
func (w *Wire) request(key kmsg.Key) Action {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.seen[key]++
	for _, action := range Actions() {
		rule := Rule{key, w.seen[key], action}
		if w.rules[rule] {
			w.struck = append(w.struck, rule)
			return action
		}
	}
	return ""
}

// frozen returns a channel that is closed when the wire moves again, nil while it moves.
func (w *Wire) frozen() <-chan struct{} {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.thaw
}

func (w *Wire) forget(conn *wireConn) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	delete(w.conns, conn)
}
