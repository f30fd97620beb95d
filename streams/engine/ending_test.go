package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sent is one request of a transactional client, as it went over the wire.
type sent struct {
	key    kmsg.Key
	id     int64
	epoch  int16
	commit bool
}

// tap notes what transactional clients send, in the order of sending.
type tap struct {
	cutter cutter
	mu     sync.Mutex
	log    []sent
}

func (p *tap) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := p.cutter.dial(ctx, network, address)
	return &tapConn{conn, p}, err
}

type tapConn struct {
	net.Conn
	tap *tap
}

func (c *tapConn) Write(b []byte) (int, error) {
	if entry, ok := parse(b); ok {
		c.tap.mu.Lock()
		c.tap.log = append(c.tap.log, entry)
		c.tap.mu.Unlock()
	}
	return c.Conn.Write(b)
}

// parse reads a request that a client writes in one piece: its length, then the header (key, version, correlation, client id, tags), then the body.
func parse(b []byte) (sent, bool) {
	const keyAt, versionAt, clientAt = 4, 6, 12
	if len(b) < clientAt+2 {
		return sent{}, false
	}
	key, version := kmsg.Key(int16(binary.BigEndian.Uint16(b[keyAt:]))), int16(binary.BigEndian.Uint16(b[versionAt:]))
	if key != kmsg.Produce && key != kmsg.EndTxn && key != kmsg.InitProducerID {
		return sent{}, false
	}
	request := kmsg.RequestForKey(int16(key))
	request.SetVersion(version)
	body := b[clientAt+2+max(0, int(int16(binary.BigEndian.Uint16(b[clientAt:])))):]
	if request.IsFlexible() {
		body = body[1:] // no tags
	}
	if err := request.ReadFrom(body); err != nil {
		panic(fmt.Sprintf("reading a %s request: %v", key.Name(), err))
	}
	switch r := request.(type) {
	case *kmsg.EndTxnRequest:
		return sent{key: key, id: r.ProducerID, epoch: r.ProducerEpoch, commit: r.Commit}, true
	case *kmsg.InitProducerIDRequest:
		return sent{key: key, id: r.ProducerID, epoch: r.ProducerEpoch}, r.TransactionalID != nil
	case *kmsg.ProduceRequest:
		var batch kmsg.RecordBatch
		if err := batch.ReadFrom(r.Topics[0].Partitions[0].Records); err != nil {
			panic(fmt.Sprintf("reading a batch: %v", err))
		}
		return sent{key: key, id: batch.ProducerID, epoch: batch.ProducerEpoch}, r.TransactionID != nil
	}
	return sent{}, false
}

// checkEndings reports whatever a client sent after it asked for the end of a transaction, under the same producer id and epoch. With every
// clean end the epoch moves on, so what bears the old one belongs to a transaction whose end is in doubt.
func (p *tap) checkEndings(t *testing.T, endsMax int) (ends int) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	type producer struct {
		id    int64
		epoch int16
	}
	ended := map[producer]int{}
	for n, s := range p.log {
		who := producer{s.id, s.epoch}
		switch {
		case s.key == kmsg.EndTxn && !s.commit:
			t.Errorf("request %d asks for the abort of a transaction of %+v", n, who)
		case s.key == kmsg.EndTxn:
			ends++
			if ended[who]++; ended[who] > endsMax {
				t.Errorf("request %d asks for the end of the same transaction of %+v for the %dth time", n, who, ended[who])
			}
		case s.key == kmsg.InitProducerID && s.id >= 0:
			// A new client has no id yet. One that has wants to go on with it, and would take it from the next owner.
			t.Errorf("request %d asks for the id %+v again", n, who)
		case ended[who] > 0:
			t.Errorf("request %d produces under %+v, whose end was asked for before", n, who)
		}
	}
	return ends
}

func TestNothingIsSentAfterAnEndThatFailed(t *testing.T) {
	for _, fault := range []*kerr.Error{kerr.UnknownServerError, kerr.InvalidTxnState, kerr.TransactionAbortable, kerr.InvalidProducerEpoch, kerr.ProducerFenced} {
		t.Run(fault.Message, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 1)
			f.load(120, 13)
			handle := f.fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: fault, Count: 3})
			wire := &tap{}
			wire.cutter.nth = 1 << 40
			i := f.start(toldWhy(t), func(config *Config) { config.Kafka = append(slices.Clone(config.Kafka), kgo.Dialer(wire.dial)) })
			f.caughtUp(i)
			i.stop()
			if handle.Hits() != 3 || i.aborts() < 3 {
				t.Errorf("the broker failed %d times and cost %d lives", handle.Hits(), i.aborts())
			}
			if ends := wire.checkEndings(t, 1); ends < 5 {
				t.Errorf("only %d ends were seen", ends)
			}
			f.check()
		})
	}
}

// The connection is cut after the broker did as it was asked. The client may ask for the very same end once more, on another connection, and
// nothing else.
func TestNothingButTheSameEndIsSentAfterOneThatWasCutOff(t *testing.T) {
	f := newFixture(t, 1)
	f.load(120, 13)
	wire := &tap{cutter: cutter{key: kmsg.EndTxn, nth: 3}}
	i := f.start(toldWhy(t), func(config *Config) { config.Kafka = append(slices.Clone(config.Kafka), kgo.Dialer(wire.dial)) })
	f.caughtUp(i)
	i.stop()
	if wire.cutter.cuts.Load() == 0 {
		t.Error("no connection was cut")
	}
	wire.checkEndings(t, 5)
	f.check()
}

// purger makes a client forget a topic as soon as the first record that it wrote there is acknowledged. The client then believes that its transaction is
// empty, as it does on a busy machine where the acknowledgement is there before it has noted the topic's partitions.
type purger struct {
	topic  string
	client atomic.Pointer[kgo.Client]
	once   sync.Once
}

// OnNewClient is kgo's hook.
func (p *purger) OnNewClient(client *kgo.Client) {
	if id, _ := client.OptValue(kgo.TransactionalID).(string); id != "" {
		p.client.CompareAndSwap(nil, client)
	}
}

// OnProduceRecordUnbuffered is kgo's hook. It is called before a flush returns.
func (p *purger) OnProduceRecordUnbuffered(record *kgo.Record, err error) {
	if record.Topic == p.topic && err == nil {
		p.once.Do(func() { p.client.Load().PurgeTopicsFromProducing(p.topic) })
	}
}

// The client aborts a transaction that it believes to be empty, and says that it was committed. What a shard then waits for never comes.
func TestATransactionThatTheClientTakesForEmptyIsADoubt(t *testing.T) {
	f := newFixture(t, 1)
	f.load(60, 13)
	wire, forgets := &tap{}, &purger{topic: f.process.Table.Name}
	wire.cutter.nth = 1 << 40
	i := f.start(func(config *Config) {
		config.Kafka = append(slices.Clone(config.Kafka), kgo.Dialer(wire.dial), kgo.WithHooks(forgets))
	})
	f.caughtUp(i)
	i.stop()
	if i.aborts() != 1 {
		t.Errorf("%d lives were given up", i.aborts())
	}
	wire.checkEndings(t, 1)
	f.check()
}
