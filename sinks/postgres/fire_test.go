package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// trouble is what befalls a connection at a moment.
type trouble int

const (
	none trouble = iota
	// hangs: nothing gets through any more in either direction, and the server never learns that the client is gone.
	hangs
	// cutBefore: the connection breaks before the server is sent anything more.
	cutBefore
	// cutAfter: the server does what it was asked, and the connection breaks before the client learns it.
	cutAfter
)

// wire carries the connections of a pool and lets trouble befall one of them, once, at the first thing sent that begins with the given words.
type wire struct {
	moment  []byte
	trouble trouble

	mutex sync.Mutex
	met   bool
	hung  []net.Conn
}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &wireConn{Conn: conn, wire: w, given: make(chan struct{})}, nil
}

// meets says what befalls a connection that sends this.
func (w *wire) meets(sent []byte) trouble {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.met || w.moment == nil || !bytes.Contains(sent, w.moment) {
		return none
	}
	w.met = true
	return w.trouble
}

// arm makes ready for another moment.
func (w *wire) arm(moment string, trouble trouble) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.moment, w.trouble, w.met = []byte(moment), trouble, false
}

// release lets the server learn that what hung is gone.
func (w *wire) release() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, conn := range w.hung {
		_ = conn.Close()
	}
	w.hung = nil
}

func (w *wire) hasMet() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.met
}

type wireConn struct {
	net.Conn
	wire  *wire
	mutex sync.Mutex
	now   trouble
	// given is closed when the client gives up waiting.
	given chan struct{}
	once  sync.Once
}

func (c *wireConn) befallen() trouble {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.now
}

func (c *wireConn) Write(b []byte) (int, error) {
	if c.befallen() == none {
		c.mutex.Lock()
		c.now = c.wire.meets(b)
		c.mutex.Unlock()
	}
	switch c.befallen() {
	case hangs:
		return len(b), nil
	case cutBefore:
		return 0, errors.Join(net.ErrClosed, c.Conn.Close())
	case none, cutAfter:
	}
	return c.Conn.Write(b)
}

func (c *wireConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	switch befallen := c.befallen(); {
	case befallen == hangs:
		<-c.given
		return 0, os.ErrDeadlineExceeded
	case befallen == cutAfter && err == nil:
		return 0, errors.Join(net.ErrClosed, c.Conn.Close())
	}
	return n, err
}

func (c *wireConn) giveUp() { c.once.Do(func() { close(c.given) }) }

// SetDeadline is how the client gives up: with a time that is past.
func (c *wireConn) SetDeadline(at time.Time) error {
	if !at.IsZero() && !at.After(time.Now()) {
		c.giveUp()
	}
	return c.Conn.SetDeadline(at)
}

// Close leaves a hung connection open at the server's end.
func (c *wireConn) Close() error {
	c.giveUp()
	if c.befallen() != hangs {
		return c.Conn.Close()
	}
	c.wire.mutex.Lock()
	defer c.wire.mutex.Unlock()
	c.wire.hung = append(c.wire.hung, c.Conn)
	return c.Conn.SetDeadline(time.Unix(1, 0))
}

// poolOn makes a pool of sinks over a wire, whose sessions are bounded more tightly than in earnest.
func (l *testLedger) poolOn(t *testing.T, w *wire) *pgxpool.Pool {
	t.Helper()
	config := openTestPool(t, l.asLogin(t, RoleSink), RoleSink).Config()
	config.ConnConfig.RuntimeParams["statement_timeout"] = "1000"
	config.ConnConfig.RuntimeParams["lock_timeout"] = "500"
	config.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "500"
	if w != nil {
		config.ConnConfig.DialFunc = w.dial
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if w != nil {
		t.Cleanup(w.release)
	}
	return pool
}

// A sink that is paused in the middle of a COPY neither ends nor idles, so no timeout of the server frees the position that it has locked.
func TestASinkFrozenInTheMiddleOfACopyIsExpelled(t *testing.T) {
	test := openTestLedger(t)
	options := LedgerOptions{Shards: testShards, Cluster: "test", AnswerTimeMax: time.Minute}
	frozen := &wire{moment: []byte(atRows), trouble: hangs}
	zombie, err := OpenLedger(t.Context(), test.poolOn(t, frozen), options)
	if err != nil {
		t.Fatal(err)
	}
	heir, err := OpenLedger(t.Context(), test.poolOn(t, nil), options)
	if err != nil {
		t.Fatal(err)
	}
	journals := newTestChain(0).buy("p", "i", 100, 5)
	at, err := zombie.Claim(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, wake := context.WithCancel(context.Background())
	woken := make(chan error, 1)
	go func() {
		_, err := zombie.Book(ctx, at, Batch{Journals: journals, JournalOffset: 3})
		woken <- err
	}()
	until(t, "the zombie is in the middle of a COPY", frozen.hasMet)
	var position Position
	until(t, "the heir has the shard", func() bool {
		position, err = heir.Claim(t.Context(), 0)
		return err == nil
	})
	if position.Sequence != 0 {
		t.Errorf("claimed at journal %d, but none was committed", position.Sequence)
	}
	if _, err := heir.Book(t.Context(), position, Batch{Journals: journals, JournalOffset: 3}); err != nil {
		t.Fatal(err)
	}
	wake()
	if err := <-woken; err == nil {
		t.Error("the zombie was told that it booked")
	}
	if got := count(t, test.super, "select count(*) from ledger.posting"); got != 6 {
		t.Errorf("%d postings stored, want 6", got)
	}
}

// What a booking sends at its moments.
const (
	atClaim  = "update ledger.position set epoch"
	atMove   = "update ledger.position set next_offset"
	atRows   = "PGCOPY\n"
	atCommit = "\x0bcommit\x00"
)

func TestWhateverBefallsAConnectionEachJournalIsBookedOnce(t *testing.T) {
	test, topics, w, said := openTestLedger(t), newTestTopics(t), new(wire), new(transcript)
	random, chains := rand.New(rand.NewPCG(8, 9)), newTestChains()
	_, stop := topics.runSinkOn(test.poolOn(t, w), said, LedgerOptions{AnswerTimeMax: 2 * time.Second})
	for name, befalls := range map[string]trouble{"hangs": hangs, "cut before": cutBefore, "cut after": cutAfter} {
		for _, moment := range []string{atClaim, atMove, atRows, atCommit} {
			t.Run(fmt.Sprintf("%s at %q", name, moment), func(t *testing.T) {
				said.forget()
				w.arm(moment, befalls)
				test.terminateSinks(t) // else nothing would be claimed, and no statement be sent in words
				topics.lives(random, chains)
				until(t, "all is booked", func() bool { return w.hasMet() && test.booked(t, chains) })
				if befalls == hangs {
					until(t, "the sink says what it waits for", func() bool { return said.holds("did not answer in time") })
				}
			})
		}
	}
	stop()
	test.checkBooked(t, chains)
}

// transcript keeps what a sink logs.
type transcript struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (s *transcript) Write(b []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.Write(b)
}

func (s *transcript) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.String()
}

func (s *transcript) forget() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.text.Reset()
}

func (s *transcript) holds(words string) bool { return strings.Contains(s.String(), words) }

func newTestChains() (chains [testShards]*testChain) {
	for shard := range chains {
		chains[shard] = newTestChain(int32(shard))
	}
	return chains
}

// lives writes a few pots' lives to each shard.
func (k *testTopics) lives(random *rand.Rand, chains [testShards]*testChain) {
	k.t.Helper()
	for _, chain := range chains {
		k.journals(chain.life(random, 2)...)
		k.progress(chain)
	}
}

// booked says whether every journal of the chains is booked.
func (l *testLedger) booked(t *testing.T, chains [testShards]*testChain) bool {
	t.Helper()
	for shard := range chains {
		if l.sequence(t, int32(shard)) != chains[shard].sequence {
			return false
		}
	}
	return true
}

// checkBooked verifies the ledger, and that it holds nothing but the chains.
func (l *testLedger) checkBooked(t *testing.T, chains [testShards]*testChain) {
	t.Helper()
	journals := int64(0)
	for shard := range chains {
		journals += chains[shard].sequence
	}
	if got := count(t, l.super, "select count(*) from ledger.journal"); got != journals {
		t.Errorf("%d journals are booked, not %d", got, journals)
	}
	for _, check := range l.verify(t).Checks {
		if !check.OK() && check.Name != "one-pot" { // the chains do not look where their pots belong
			t.Errorf("%s: %+v", check.Name, check.Findings)
		}
	}
}
