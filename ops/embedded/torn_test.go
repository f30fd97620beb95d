package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	tornPartitions = 8
	tornKills      = 5
)

// TestATransactionIsWholeAfterAKill kills the broker at random moments while a
// transaction after the other goes over all partitions. Each must end up in all of
// them or in none, and those that were acknowledged in all.
// More kills, or the same ones again, by PENSTOCK_TEST_KILLS and PENSTOCK_TEST_SEED.
func TestATransactionIsWholeAfterAKill(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("PENSTOCK_TEST_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		must(t, err)
	}
	rounds := tornKills
	if text := os.Getenv("PENSTOCK_TEST_KILLS"); text != "" {
		var err error
		rounds, err = strconv.Atoi(text)
		must(t, err)
	}
	t.Logf("PENSTOCK_TEST_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	acknowledged := map[string]bool{}
	next := 0
	for round := range rounds {
		c := startBrokerChild(t, dir)
		if round == 0 {
			admin := kadm.NewClient(newClient(t, c.seen))
			_, err := admin.CreateTopic(deadline(t), tornPartitions, 1, map[string]*string{"retention.ms": kadm.StringPtr("-1")}, testTopic)
			must(t, err)
			admin.Close()
		}
		ctx, cancel := context.WithCancel(deadline(t))
		done := make(chan error, 1)
		go func() { done <- transact(ctx, c.seen, &next, acknowledged) }()
		killAt := time.NewTimer(time.Duration(30+random.IntN(300)) * time.Millisecond)
		select {
		case <-killAt.C:
		case err := <-done:
			t.Fatalf("round %d: the producer stopped: %v", round, err)
		}
		c.kill()
		cancel()
		if err := <-done; err == nil {
			t.Fatalf("round %d: the producer ended without noticing the kill", round)
		}
	}
	c := startBrokerChild(t, dir)
	counts := countPerTransaction(t, c.seen)
	t.Logf("%d transactions acknowledged, %d begun", len(acknowledged), next)
	for number := range next {
		name := strconv.Itoa(number)
		if got := counts[name]; got != tornPartitions && (got != 0 || acknowledged[name]) {
			t.Errorf("transaction %s is in %d of %d partitions (acknowledged: %v)", name, got, tornPartitions, acknowledged[name])
		}
	}
}

func transact(ctx context.Context, at seen, next *int, acknowledged map[string]bool) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(at.Kafka), kgo.TransactionalID("torn-"+at.Suffix),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		return err
	}
	// A record that may have arrived can't be taken back by its context, so only
	// closing the client ends the wait for a broker that was killed.
	defer context.AfterFunc(ctx, client.Close)()
	defer client.Close()
	for {
		name := strconv.Itoa(*next)
		*next++
		if err := client.BeginTransaction(); err != nil {
			return err
		}
		records := make([]*kgo.Record, tornPartitions)
		for i := range records {
			records[i] = &kgo.Record{Topic: testTopic, Partition: int32(i), Value: []byte(name)}
		}
		if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
			return err
		}
		if err := client.EndTransaction(ctx, kgo.TryCommit); err != nil {
			return err
		}
		acknowledged[name] = true
	}
}

// countPerTransaction says in how many partitions a reader of committed records
// sees each transaction.
func countPerTransaction(t *testing.T, at seen) map[string]int {
	t.Helper()
	ctx := deadline(t)
	commitOnAll(t, at, "end-"+at.Suffix)
	reader := newClient(t, at, kgo.ConsumeTopics(testTopic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer reader.Close()
	counts := map[string]int{}
	for counts["end-"+at.Suffix] < tornPartitions {
		fetches := reader.PollFetches(ctx)
		must(t, errors.Join(ctx.Err(), fetches.Err()))
		fetches.EachRecord(func(r *kgo.Record) { counts[string(r.Value)]++ })
	}
	return counts
}

// commitOnAll writes one record into each partition, in one transaction.
func commitOnAll(t *testing.T, at seen, value string) {
	t.Helper()
	client := newClient(t, at, kgo.TransactionalID(value), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer client.Close()
	must(t, client.BeginTransaction())
	for i := range tornPartitions {
		must(t, client.ProduceSync(deadline(t), &kgo.Record{Topic: testTopic, Partition: int32(i), Value: []byte(value)}).FirstErr())
	}
	must(t, client.EndTransaction(deadline(t), kgo.TryCommit))
}

func runBrokerChild(dir string) (seen, func(context.Context) error, error) {
	held, err := holdFolder(dir)
	if err != nil {
		return seen{}, nil, err
	}
	opened, err := listenKept(held, "", "")
	if err != nil {
		return seen{}, nil, err
	}
	begun, err := beginGeneration(held)
	if err != nil {
		return seen{}, nil, err
	}
	b, err := startBroker(brokerConfig{
		dir: held.path("kafka"), listener: opened.take(addressKafka), repair: begun.afterUncleanStop, log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		fault: func(err error) { fmt.Fprintln(os.Stderr, "fault:", err) },
	})
	if err != nil {
		return seen{}, nil, err
	}
	return seen{Kafka: b.addr, Suffix: begun.suffix()}, func(context.Context) error { return b.close() }, nil
}

// TestACommitThatWasCutShortIsFinished puts the files into the state that a kill
// leaves between any two markers of a commit, and between a batch and its index.
func TestACommitThatWasCutShortIsFinished(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name     string
		markers  int  // how many partitions got theirs
		noIndex  bool // the last of them without its index entry
		halfway  int  // bytes of the next marker that were written
		finished bool // the broker had come to the end, so what is open is another transaction
		want     int  // partitions in which the records are seen
	}{
		{name: "before the first marker", want: 0},
		{name: "in the first marker", halfway: 20, want: 0},
		{name: "after the first marker", markers: 1, want: tornPartitions},
		{name: "before its index entry", markers: 1, noIndex: true, want: tornPartitions},
		{name: "before the last marker", markers: 7, want: tornPartitions},
		{name: "in the last marker", markers: 7, halfway: 70, want: tornPartitions},
		{name: "after the end", markers: 7, finished: true, want: 7},
	} {
		t.Run(one.name, func(t *testing.T) {
			dir := newDir(t)
			c := startBrokerChild(t, dir)
			admin := kadm.NewClient(newClient(t, c.seen))
			_, err := admin.CreateTopic(deadline(t), tornPartitions, 1, nil, testTopic)
			must(t, err)
			admin.Close()
			commitOnAll(t, c.seen, "torn")
			c.kill()
			kafka := filepath.Join(dir, "kafka")
			for i := range tornPartitions {
				base := filepath.Join(kafka, "partitions", fmt.Sprintf("%s-%d", testTopic, i), "0")
				if i >= one.markers {
					cutMarker(t, base, one.halfway)
				}
				if i < one.markers && one.noIndex || i >= one.markers {
					must(t, os.Truncate(base+".idx", indexEntryBytes))
				}
			}
			if !one.finished {
				text, err := os.ReadFile(filepath.Join(kafka, endingFile))
				must(t, err)
				must(t, os.Truncate(filepath.Join(kafka, producersFile), int64(binary.BigEndian.Uint64(text[11:]))))
			}
			if got := countPerTransaction(t, startBrokerChild(t, dir).seen)["torn"]; got != one.want {
				t.Errorf("the records are in %d partitions, want %d", got, one.want)
			}
		})
	}
}

// cutMarker takes the second batch, the marker, out of a segment but for its first bytes.
func cutMarker(t *testing.T, base string, kept int) {
	t.Helper()
	text, err := os.ReadFile(base + ".dat")
	must(t, err)
	must(t, os.Truncate(base+".dat", int64(len(nextBatch(text))+kept)))
}
