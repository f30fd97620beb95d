package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// tail follows the changelog of one shard. It holds one fetch at a time and writes it at once: what it holds is bounded by that and the store's memtable.
type tail struct {
	*shard
	standbys *standbys
	cancel   context.CancelFunc
	done     chan struct{}
}

// standbyFetchBytesMax bounds one fetch of a standby.
const standbyFetchBytesMax = 1 << 20

// run follows until ctx ends, and leaves the store to whoever has waited for that.
func (t *tail) run(ctx context.Context) {
	defer close(t.done)
	backoff := t.engine.config.Limits.BackoffMin
	for {
		began := time.Now()
		t.status.standingBy(nil)
		err := t.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) >= settledMin {
			backoff = t.engine.config.Limits.BackoffMin
		}
		t.log.Warn("the standby starts again", "reason", err, "after", backoff)
		t.status.standingBy(err)
		if pause(ctx, backoff) != nil {
			return
		}
		backoff = min(2*backoff, t.engine.config.Limits.BackoffMax)
	}
}

// leave closes the store of a standby that has ended.
func (t *tail) leave() {
	t.status.leave()
	t.close()
}

// newTailClient makes a client that reads what was committed, and does nothing else. It is handed the marks of transactions, too: with them the last
// offset that it has seen is where the log ends, and not the one before the mark.
func (t *tail) newTailClient() (*kgo.Client, error) {
	client, err := kgo.NewClient(append(append([]kgo.Opt{}, t.engine.config.Kafka...),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.KeepControlRecords(),
		kgo.MaxConcurrentFetches(1),
		kgo.FetchMaxBytes(standbyFetchBytesMax),
		kgo.FetchMaxPartitionBytes(standbyFetchBytesMax),
	)...)
	if err != nil {
		return nil, fmt.Errorf("making the client of a standby: %w", err)
	}
	return client, nil
}

// follow applies the changelog as it grows, until something is wrong with it, with the store, or with the brokers.
func (t *tail) follow(ctx context.Context) error {
	if err := t.open(t.dir()); err != nil {
		return err
	}
	client, err := t.newTailClient()
	if err != nil {
		return err
	}
	defer t.standbys.closing.Go(client.Close)
	if err := t.fit(ctx, client); err != nil {
		return err
	}
	tags := t.process.NewHandler(t.engine.config.Framing).Tags
	f := t.store.rollForward(t.process.TagsVersion, tags)
	defer func() { f.close() }()
	table := t.process.Table.Name
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{table: {t.number: kgo.NewOffset().At(f.next)}})
	for looked := (time.Time{}); ; {
		if err := t.read(ctx, client, f); err != nil {
			return err
		}
		if time.Since(looked) < t.engine.config.Limits.StandbyLookEvery {
			continue
		}
		looked = time.Now()
		complete, err := t.look(ctx, client)
		if err != nil {
			return err
		}
		if complete && t.store.position.IndexVersion != t.process.TagsVersion {
			// Not before: while states come in bulk it is cheaper to build the index once they are there.
			if err := t.checkIndex(tags); err != nil {
				return err
			}
			f.close()
			f = t.store.rollForward(t.process.TagsVersion, tags)
		}
	}
}

// fit discards a store that does not fit the changelog, by the rules of a restore. The end of the log will do for a bound here: nothing that a store
// holds was ever past it.
func (t *tail) fit(ctx context.Context, client *kgo.Client) error {
	now, err := t.identify(ctx, client)
	if err != nil {
		return err
	}
	table := t.process.Table.Name
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, table)
	if err != nil {
		return fmt.Errorf("asking where %s ends: %w", table, err)
	}
	end, _ := ends.Lookup(table, t.number)
	if end.Err != nil {
		return fmt.Errorf("asking where %s ends: %w", table, end.Err)
	}
	return t.checkStore(ctx, client, now, end.Offset)
}

// read applies what there is, or waits for more; not for long, for a look is due now and then.
func (t *tail) read(ctx context.Context, client *kgo.Client, f *forward) error {
	limits := &t.engine.config.Limits
	bounded, cancel := context.WithTimeout(ctx, limits.StandbyLookEvery)
	defer cancel()
	fetches := client.PollRecords(bounded, limits.RestoreRecordsMax)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := fetchError(fetches); err != nil {
		return err
	}
	stable := int64(-1)
	fetches.EachPartition(func(p kgo.FetchTopicPartition) { stable = max(stable, p.LastStableOffset) })
	for it := fetches.RecordIter(); !it.Done(); {
		if err := f.take(it.Next()); err != nil {
			return err
		}
	}
	if f.next == t.store.position.Next {
		return nil
	}
	records, size := f.records, f.size
	if err := f.write(); err != nil {
		return err
	}
	t.metrics.followed.Add(float64(records))
	t.status.follows(f.next, stable)
	return pauseFor(ctx, t.engine.pace.take(size, limits.StandbyBytesPerSecondMax, time.Now()))
}

// pauseFor is pause, where there is a time to wait for.
func pauseFor(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	return pause(ctx, d)
}

// errOtherChangelog says that the changelog was deleted and made again while a standby followed it.
var errOtherChangelog = errors.New("another changelog answers under the same name")

// look asks whether the changelog is still the same, and whether the store holds all of it. A standby that has been behind for longer than deletions are
// kept begins anew: it may have missed one.
func (t *tail) look(ctx context.Context, client *kgo.Client) (complete bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.engine.config.Limits.StopTimeMax)
	defer cancel()
	now, err := t.identify(ctx, client)
	if err != nil {
		return false, err
	}
	if p := &t.store.position; p.Cluster != now.Cluster || p.Topic != now.Table {
		return false, errOtherChangelog
	}
	table, asked := t.process.Table.Name, time.Now()
	stable, err := kadm.NewClient(client).ListCommittedOffsets(ctx, table)
	if err != nil {
		return false, fmt.Errorf("asking where %s ends: %w", table, err)
	}
	end, _ := stable.Lookup(table, t.number)
	if end.Err != nil {
		return false, fmt.Errorf("asking where %s ends: %w", table, end.Err)
	}
	t.status.follows(t.store.position.Next, end.Offset)
	if t.store.position.Next < end.Offset {
		return false, t.store.overdue(asked, t.engine.retention[table])
	}
	return true, t.store.complete(asked, t.engine.retention[table])
}
