package postgres

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// gate carries the connections of a pool. While it is shut for a shard, whoever copies journals into that shard gets no further: to the sink the database is
// busy with a COPY, to the server the sink is, and neither is ended by a limit of the server's.
type gate struct {
	mutex sync.Mutex
	// shut has a channel for each shard that is held up, which is closed when the gate opens.
	shut map[int32]chan struct{}
	// stuck counts what waits at the gate now, left what has given up there.
	stuck, left map[int32]int
	// open counts the connections that there are, openMax the most that there were at a time.
	open, openMax int
}

func newGate(shut ...int32) *gate {
	g := &gate{shut: map[int32]chan struct{}{}, stuck: map[int32]int{}, left: map[int32]int{}}
	for _, shard := range shut {
		g.shut[shard] = make(chan struct{})
	}
	return g
}

// pool makes a pool of sinks of so many connections at most, all of which lead through the gate.
func (g *gate) pool(t *testing.T, test *testLedger, connectionsMax int32) *pgxpool.Pool {
	t.Helper()
	config := openTestPool(t, test.asLogin(t, RoleSink), RoleSink).Config()
	config.MaxConns, config.ConnConfig.DialFunc = connectionsMax, g.dial
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func (g *gate) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.open++
	g.openMax = max(g.openMax, g.open)
	return &gateConn{Conn: conn, gate: g, shard: -1, given: make(chan struct{})}, nil
}

// lift opens the gate for good.
func (g *gate) lift() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for shard, opened := range g.shut {
		close(opened)
		delete(g.shut, shard)
	}
}

// holds says whether each of the shards is held up.
func (g *gate) holds(shards ...int32) bool {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for _, shard := range shards {
		if g.stuck[shard] == 0 {
			return false
		}
	}
	return true
}

// givenUp returns how often each of the shards has given up at the gate, at least.
func (g *gate) givenUp(shards ...int32) int {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	times := g.left[shards[0]]
	for _, shard := range shards {
		times = min(times, g.left[shard])
	}
	return times
}

func (g *gate) connectionsMax() int {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.openMax
}

// enter waits at the gate of a shard, and says whether it was opened before the client gave up.
func (g *gate) enter(shard int32, given <-chan struct{}) bool {
	g.mutex.Lock()
	opened := g.shut[shard]
	if opened == nil {
		g.mutex.Unlock()
		return true
	}
	g.stuck[shard]++
	g.mutex.Unlock()
	passed := false
	select {
	case <-opened:
		passed = true
	case <-given:
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.stuck[shard]--
	if !passed {
		g.left[shard]++
	}
	return passed
}

// gateConn is used by one writer at a time, as a driver does.
type gateConn struct {
	net.Conn
	gate *gate
	// shard is that of the last COPY, -1 before the first.
	shard int32
	// given is closed when the client gives up waiting.
	given          chan struct{}
	giving, ending sync.Once
}

func (c *gateConn) Write(b []byte) (int, error) {
	for shard := range int32(testShards) {
		if bytes.Contains(b, fmt.Appendf(nil, `copy "ledger"."journal_%d_`, shard)) {
			c.shard = shard
		}
	}
	if bytes.Contains(b, []byte(atRows)) && !c.gate.enter(c.shard, c.given) {
		return 0, os.ErrDeadlineExceeded
	}
	return c.Conn.Write(b)
}

// SetDeadline is how the client gives up: with a time that is past.
func (c *gateConn) SetDeadline(at time.Time) error {
	if !at.IsZero() && !at.After(time.Now()) {
		c.giving.Do(func() { close(c.given) })
	}
	return c.Conn.SetDeadline(at)
}

func (c *gateConn) Close() error {
	c.giving.Do(func() { close(c.given) })
	c.ending.Do(func() {
		c.gate.mutex.Lock()
		defer c.gate.mutex.Unlock()
		c.gate.open--
	})
	return c.Conn.Close()
}
