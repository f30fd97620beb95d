package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// cutter cuts connections after the broker has answered a kind of request, and before the client learns it: what became of the request is
// then unknown to the client.
type cutter struct {
	key  kmsg.Key
	nth  int64
	seen atomic.Int64
	cuts atomic.Int64
}

func (c *cutter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	return &cutConn{Conn: conn, cutter: c}, err
}

type cutConn struct {
	net.Conn
	cutter *cutter
	cut    atomic.Bool
}

func (c *cutConn) Write(b []byte) (int, error) {
	const keyAt = 4 // behind the length
	if len(b) >= keyAt+2 && binary.BigEndian.Uint16(b[keyAt:]) == uint16(c.cutter.key) && c.cutter.seen.Add(1)%c.cutter.nth == 0 {
		c.cut.Store(true)
	}
	return c.Conn.Write(b)
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil && c.cut.Load() {
		c.cutter.cuts.Add(1)
		return 0, errors.Join(errors.New("cut"), c.Close())
	}
	return n, err
}

func TestAnUnknownOutcomeIsNeitherLostNorDoubled(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.InitProducerID, kmsg.Produce, kmsg.EndTxn} {
		t.Run(key.Name(), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 2)
			f.load(120, 13)
			c := &cutter{key: key, nth: 2}
			i := f.start(func(config *Config) { config.Kafka = append(config.Kafka, kgo.Dialer(c.dial)) })
			f.caughtUp(i)
			f.checkStores(i)
			i.stop()
			if c.cuts.Load() == 0 {
				t.Error("no connection was cut")
			}
			f.check()
		})
	}
}

func TestErrorsOfTheBrokerAreAnsweredByStartingAgain(t *testing.T) {
	for _, fault := range []kfake.Fault{
		{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.CoordinatorLoadInProgress, Count: 3},
		{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.UnknownServerError, Count: 2},
		{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.CoordinatorNotAvailable, Count: 2},
		{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.InvalidTxnState, Count: 1},
		{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.TransactionAbortable, Count: 1},
		{Keys: []kmsg.Key{kmsg.Produce}, Topic: sampleOut, Err: kerr.NotEnoughReplicas, Count: 3},
		{Keys: []kmsg.Key{kmsg.Produce}, Topic: sampleOut, Err: kerr.NotEnoughReplicasAfterAppend, Count: 3},
		{Keys: []kmsg.Key{kmsg.Produce}, Topic: sampleOut, Err: kerr.InvalidProducerEpoch, Count: 1},
		{Keys: []kmsg.Key{kmsg.Produce}, Topic: sampleOut, Err: kerr.OutOfOrderSequenceNumber, Count: 1},
		{Keys: []kmsg.Key{kmsg.Fetch}, Topic: sampleInbox, Err: kerr.NotLeaderForPartition, Count: 3},
	} {
		t.Run(fmt.Sprint(fault.Keys[0].Name(), " ", fault.Err.Message), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 2)
			f.load(120, 13)
			handle := f.fake().Fault(fault)
			i := f.start()
			f.caughtUp(i)
			f.checkStores(i)
			i.stop()
			if handle.Hits() == 0 {
				t.Error("the broker never failed")
			}
			f.check()
		})
	}
}

// A record that the broker will never take is our mistake: it stops the shard, and what went with it is not committed.
func TestARefusedRecordStopsTheShard(t *testing.T) {
	f := newFixture(t, 1)
	f.load(30, 5)
	f.fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: sampleOut, Err: kerr.MessageTooLarge, Count: -1})
	i := f.start()
	await(t, "the shard to stop", func() bool { return i.status(0).State == StateStopped })
	if next := i.status(0).Next; next != 0 {
		t.Errorf("the position moved to %d", next)
	}
	i.stop()
}
