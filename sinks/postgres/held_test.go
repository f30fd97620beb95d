package postgres

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// fetches watches from the broker what sinks ask it for, and what it sends them.
type fetches struct {
	// read are all bytes that came from the broker, requests all that asked for records.
	read, requests atomic.Int64

	mutex sync.Mutex
	// asked counts the requests that name a partition of the shard's number, of whichever topic.
	asked [testShards]int
}

// watch has the broker of the topics and the sinks' connections to it watched.
func watch(topics *testTopics) *fetches {
	f := new(fetches)
	topics.broker.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		f.requests.Add(1)
		f.mutex.Lock()
		defer f.mutex.Unlock()
		for _, topic := range request.(*kmsg.FetchRequest).Topics {
			for _, partition := range topic.Partitions {
				f.asked[partition.Partition]++
			}
		}
		return nil, nil, false
	})
	topics.connection.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return &countedConn{conn, &f.read}, err
	}
	return f
}

func (f *fetches) of(shard int32) int {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.asked[shard]
}

type countedConn struct {
	net.Conn
	read *atomic.Int64
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read.Add(int64(n))
	return n, err
}

// A sink whose database hangs holds so much of a shard at most, in bytes; ops/docs/performance.md names them.
const (
	// fetchedMax is what comes over the wire: two answers of a broker, for the one that a Poll took up and the one behind it.
	fetchedMax = 2 * 4 << 20
	// answersMax is more than all answers of a broker that hold no records.
	answersMax = 1 << 16
	// monthsHeldMax and monthsHeapMax are for journals of members' months: the bytes of their records, and all that they take on the heap.
	monthsHeldMax = 24 << 20
	monthsHeapMax = 64 << 20
	// denseHeapMax is for journals of thousands of equal postings, which take a twelfth of their size on the topic.
	denseHeapMax = 288 << 20
	// heapApartMax is by how much the heap may differ between a backlog and one of four times its size.
	heapApartMax = 8 << 20
)

// months are journals of so many members' months at least, for each shard, as records.
func months(chains [testShards]*testChain, perShard int64) (months [testShards][]*kgo.Record) {
	for shard, chain := range chains {
		random := rand.New(rand.NewPCG(20, uint64(shard)))
		for chain.sequence < perShard {
			months[shard] = append(months[shard], recordsOf(chain.split(random))...)
		}
	}
	return months
}

func recordsOf(journals []ledger.Journal) []*kgo.Record {
	records := make([]*kgo.Record, len(journals))
	for i := range journals {
		records[i] = &kgo.Record{Topic: streams.LedgerJournal, Partition: journals[i].Shard, Value: journals[i].AppendAvro([]byte{0})}
	}
	return records
}

// dense is a journal that compresses better than any that a member's instruction leads to: cash goes to and fro.
func dense(chain *testChain, postings int) ledger.Journal {
	moves := []testMove{{"contributed", schemas.Cash, 30_000, ledger.BankClientMoney, ledger.PotAvailable, nil, nil}}
	for len(moves) < postings {
		moves = append(moves, testMove{"reserved", schemas.Cash, 30_000, ledger.PotAvailable, ledger.PotReserved, nil, nil},
			testMove{"reserved", schemas.Cash, 30_000, ledger.PotReserved, ledger.PotAvailable, nil, nil})
	}
	return chain.journal(fmt.Sprint("p", chain.sequence), "cause", moves...)
}

// backlog writes records to the topics, and returns the bytes of their values.
func (k *testTopics) backlog(records []*kgo.Record) (size int64) {
	k.t.Helper()
	const atATime = 5000
	for len(records) > 0 {
		part := records[:min(atATime, len(records))]
		again := make([]*kgo.Record, len(part))
		for i := range part {
			size += int64(len(part[i].Value))
			again[i] = &kgo.Record{Topic: part[i].Topic, Partition: part[i].Partition, Value: part[i].Value}
		}
		if err := k.client.ProduceSync(k.t.Context(), again...).FirstErr(); err != nil {
			k.t.Fatal(err)
		}
		records = records[len(part):]
	}
	return size
}

// heap returns the bytes that are live on the heap.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what a first collection leaves in pools goes with the second
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc) //nolint:gosec // far less
}

// full says whether the reader of each of the shards has fetched what it may before somebody polls it again.
func (s *Sink) full(shards ...int32) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, shard := range shards {
		l := s.lanes[feed.Place{Topic: streams.LedgerJournal, Partition: shard}]
		if l == nil || !l.held.isFull() {
			return false
		}
	}
	return true
}

func (h *heldRecords) isFull() bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.reader == nil {
		return false
	}
	records, _ := h.reader.Buffered()
	return records > 0
}

// hung is a sink some of whose shards hang in the middle of their first COPY, with all read that is read before that ends.
type hung struct {
	*Sink
	gate *gate
	stop func()
	// heapBytes is what the sink takes on the heap, heldBytes what it counts itself.
	heapBytes, heldBytes int64
}

// hang runs a sink over a backlog until it hangs, and checks that it has stopped to fetch. The reader of the trades, which has nothing to read, asks the broker again and
// again meanwhile: its rounds say that time passes.
func hang(t *testing.T, test *testLedger, topics *testTopics, shards ...int32) *hung {
	t.Helper()
	const rounds, connectionsMax = 5, testShards + 1
	seen, gate, before, many := watch(topics), newGate(shards...), heap(), int64(len(shards))
	h := &hung{gate: gate}
	h.Sink, h.stop = topics.runSinkOn(gate.pool(t, test, connectionsMax), io.Discard, LedgerOptions{AnswerTimeMax: time.Hour})
	until(t, "the shards hang", func() bool { return gate.holds(shards...) && h.full(shards...) })
	pass := func() {
		since := seen.requests.Load()
		until(t, "the reader of the trades has asked again", func() bool { return seen.requests.Load() >= since+rounds })
	}
	pass()
	h.heapBytes = heap() - before
	records, held := h.Held()
	h.heldBytes = held
	asked, read := map[int32]int{}, seen.read.Load()
	for _, shard := range shards {
		asked[shard] = seen.of(shard)
	}
	pass()
	for _, shard := range shards {
		if again := seen.of(shard); again != asked[shard] {
			t.Errorf("it went on fetching shard %d: %d requests, then %d", shard, asked[shard], again)
		}
	}
	if more := seen.read.Load() - read; more > answersMax {
		t.Errorf("it was sent %d bytes more", more)
	}
	if read > many*fetchedMax+answersMax {
		t.Errorf("it was sent %d bytes, more than %d per shard", read, fetchedMax)
	}
	if got := gate.connectionsMax(); got > connectionsMax {
		t.Errorf("%d connections to the database, the pool has %d", got, connectionsMax)
	}
	t.Logf("per shard: %d records held of %d bytes, %d bytes of heap, %d bytes fetched, in %d requests at most",
		records/many, held/many, h.heapBytes/many, read/many, slices.Max(slices.Collect(maps.Values(asked))))
	return h
}

// However much waits on the topics, a sink reads no more of it than two fetches per shard while the database hangs.
func TestASinkWhoseDatabaseHangsHoldsTheSameHoweverMuchWaits(t *testing.T) {
	const perShard, times = 36_000, 4
	chains := newTestChains()
	waiting := months(chains, perShard)
	run := func(times int) (*testLedger, *hung) {
		test, topics := openTestLedger(t), newTestTopics(t)
		size := int64(0)
		for shard, records := range waiting {
			for range times { // what lies behind the first so many is never looked at
				size += topics.backlog(records)
			}
			topics.progress(chains[shard])
		}
		h := hang(t, test, topics, 0, 1, 2)
		t.Logf("with a backlog of %d bytes per shard", size/testShards)
		if h.heldBytes > testShards*monthsHeldMax || h.heapBytes > testShards*monthsHeapMax {
			t.Errorf("it holds %d bytes and takes %d on the heap; at most %d and %d per shard are allowed", h.heldBytes, h.heapBytes, monthsHeldMax, monthsHeapMax)
		}
		if h.heldBytes > size*2/3 {
			t.Fatalf("a backlog of %d bytes shows nothing where %d are held", size, h.heldBytes)
		}
		return test, h
	}
	_, most := run(times)
	most.stop()
	test, least := run(1)
	if apart := most.heapBytes - least.heapBytes; apart > testShards*heapApartMax || -apart > testShards*heapApartMax {
		t.Errorf("%d bytes of heap, and %d where %d times as much waits", least.heapBytes, most.heapBytes, times)
	}
	least.gate.lift()
	until(t, "all is booked", func() bool { return test.booked(t, chains) })
	until(t, "nothing is held any more", func() bool { _, held := least.Held(); return held == 0 })
	least.stop()
	test.checkBooked(t, chains)
	runtime.KeepAlive(waiting)
}

// What a broker sends is bounded as it lies on the topic. Journals of a single posting, thousands of times, unfold to the most that was seen.
func TestASinkWhoseDatabaseHangsHoldsABoundedPartOfJournalsThatUnfold(t *testing.T) {
	const journals, postings, times = 200, 5000, 2
	test, topics, chain := openTestLedger(t), newTestTopics(t), newTestChain(0)
	var records []*kgo.Record
	for chain.sequence < journals {
		records = append(records, recordsOf([]ledger.Journal{dense(chain, postings)})...)
	}
	size := int64(0)
	for range times { // what lies behind the first so many is never looked at
		size += topics.backlog(records)
	}
	h := hang(t, test, topics, 0)
	t.Logf("with a backlog of %d bytes", size)
	if h.heapBytes > denseHeapMax {
		t.Errorf("it takes %d bytes on the heap; at most %d are allowed", h.heapBytes, denseHeapMax)
	}
	runtime.KeepAlive(records)
	runtime.KeepAlive(chain)
}

// Whoever gives up and begins anew lets go of all that it had read.
func TestASinkThatTriesAgainAndAgainHoldsNoMoreForIt(t *testing.T) {
	const perShard, attempts = 25_000, 3
	test, topics, chains := openTestLedger(t), newTestTopics(t), newTestChains()
	for _, records := range months(chains, perShard) {
		topics.backlog(records)
	}
	gate, before, said := newGate(0, 1, 2), heap(), new(transcript)
	sink, _ := topics.runSinkOn(gate.pool(t, test, testShards+1), said, LedgerOptions{AnswerTimeMax: 4 * time.Second})
	until(t, "every shard was given up several times in the middle of a COPY", func() bool { return gate.givenUp(0, 1, 2) >= attempts })
	if got := heap() - before; got > testShards*monthsHeapMax {
		t.Errorf("it takes %d bytes on the heap; at most %d per shard are allowed", got, monthsHeapMax)
	}
	if _, held := sink.Held(); held > testShards*monthsHeldMax {
		t.Errorf("it holds %d bytes; at most %d per shard are allowed", held, monthsHeldMax)
	}
	runtime.KeepAlive(chains)
}

// A shard that hangs keeps one connection, and no more. Where there is another, the others go on.
func TestAShardThatHangsKeepsOneConnectionOfThePool(t *testing.T) {
	test, topics, chains := openTestLedger(t), newTestTopics(t), newTestChains()
	random, gate := rand.New(rand.NewPCG(21, 22)), newGate(0)
	topics.lives(random, chains)
	_, stop := topics.runSinkOn(gate.pool(t, test, 2), io.Discard, LedgerOptions{AnswerTimeMax: time.Hour})
	until(t, "a shard hangs", func() bool { return gate.holds(0) })
	for range 3 {
		for _, chain := range chains {
			topics.journals(chain.life(random, 2)...)
		}
		until(t, "the others are booked", func() bool {
			return test.sequence(t, 1) == chains[1].sequence && test.sequence(t, 2) == chains[2].sequence
		})
	}
	if got := test.sequence(t, 0); got != 0 {
		t.Errorf("the shard that hangs is booked up to journal %d", got)
	}
	gate.lift()
	until(t, "all is booked", func() bool { return test.booked(t, chains) })
	if got := gate.connectionsMax(); got > 2 {
		t.Errorf("%d connections to the database, the pool has 2", got)
	}
	stop()
	test.checkBooked(t, chains)
}

// Where shards that hang keep all connections, the others wait with them, until one of these is given up.
func TestShardsThatKeepAllConnectionsOfThePoolAreGivenUpInTurn(t *testing.T) {
	test, topics, chains := openTestLedger(t), newTestTopics(t), newTestChains()
	gate := newGate(0, 1)
	topics.lives(rand.New(rand.NewPCG(23, 24)), chains)
	sink, stop := topics.runSinkOn(gate.pool(t, test, 2), io.Discard, LedgerOptions{AnswerTimeMax: 2 * time.Second})
	until(t, "the third shard is booked", func() bool { return test.sequence(t, 2) == chains[2].sequence })
	until(t, "the sink says what it waits for", func() bool { return strings.Contains(sink.Waiting(), "did not answer in time") })
	if test.sequence(t, 0) != 0 || test.sequence(t, 1) != 0 {
		t.Error("shards that hang are booked")
	}
	gate.lift()
	until(t, "all is booked", func() bool { return test.booked(t, chains) })
	until(t, "the sink no longer says that it waits", func() bool { return sink.Waiting() == "" })
	stop()
	test.checkBooked(t, chains)
}
