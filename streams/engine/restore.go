package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// own commits a record of our own to the changelog and returns its offset. The end of the log will not do as a mark: what stands there may be a
// commit marker or an aborted record, which no reader is ever handed.
func (a *attempt) own(ctx context.Context) (nonce string, offset int64, err error) {
	nonce = uuid.NewString()
	producer, err := a.beginTransaction(ctx)
	if err != nil {
		return "", 0, err
	}
	record := &kgo.Record{
		Topic: a.process.Table.Name, Partition: a.number, Key: []byte(keyOwner), Value: mustJSON(owner{Nonce: nonce, At: time.Now().UTC()}),
	}
	if err := produceNow(ctx, a.client, record); err != nil {
		return "", 0, err
	}
	if err := a.endTransaction(ctx, producer); err != nil {
		return "", 0, fmt.Errorf("writing %s: %w", keyOwner, err)
	}
	return nonce, record.Offset, nil
}

// restore brings the store up to our own record in the changelog.
func (a *attempt) restore(ctx context.Context) error {
	nonce, owned, err := a.own(ctx)
	if err != nil {
		return err
	}
	a.headway.made("owned")
	if err := a.fault(StepOwned); err != nil {
		return err
	}
	if err := a.checkStore(ctx, a.client, a.identity, owned); err != nil {
		return err
	}
	if err := a.rollForward(ctx, nonce, owned); err != nil {
		return err
	}
	// Building the index asks nobody, and takes as long as it takes.
	a.headway.end()
	err = a.checkIndex(a.handler.Tags)
	a.headway.made("indexed")
	return err
}

// checkStore discards a store that does not fit the changelog, which bears the given identity and holds nothing of ours past end.
func (s *shard) checkStore(ctx context.Context, client *kgo.Client, now identity, end int64) error {
	table := s.process.Table.Name
	starts, err := kadm.NewClient(client).ListStartOffsets(ctx, table)
	if err != nil {
		return fmt.Errorf("asking where %s begins: %w", table, err)
	}
	start, _ := starts.Lookup(table, s.number)
	if start.Err != nil {
		return fmt.Errorf("asking where %s begins: %w", table, start.Err)
	}
	if why := s.store.stale(now.Cluster, now.Table, start.Offset, end, s.engine.retention[table], time.Now()); why != "" {
		s.log.Warn("discarding the store", "reason", why)
		former, cluster := s.store.former(now)
		if err := s.store.discard(); err != nil {
			return err
		}
		s.store.position.Former, s.store.position.FormerCluster = former, cluster
	}
	if s.store.position.Next == 0 {
		s.store.begin(now.Cluster, now.Table, start.Offset, time.Now())
	}
	return nil
}

// rollForward reads the changelog from the store's position to our own record.
func (a *attempt) rollForward(ctx context.Context, nonce string, owned int64) error {
	limits, table, from := &a.engine.config.Limits, a.process.Table.Name, a.store.position.Next
	a.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{table: {a.number: kgo.NewOffset().At(from)}})
	defer a.client.RemoveConsumePartitions(map[string][]int32{table: {a.number}})
	a.log.Info("restoring", "from", from, "to", owned)
	f := a.store.rollForward(a.process.TagsVersion, a.handler.Tags)
	defer f.close()
	for done := false; !done; {
		fetches := a.client.PollRecords(ctx, limits.RestoreRecordsMax)
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := fetchError(fetches); err != nil {
			return err
		}
		for it := fetches.RecordIter(); !it.Done(); {
			record := it.Next()
			if record.Offset > owned {
				return errNotOurs
			}
			if err := f.take(record); err != nil {
				return err
			}
			done = done || isOwner(record, nonce)
			a.headway.made("restored something")
		}
		a.status.restoring(f.next, owned+1)
		if !done && f.size < limits.RestoreBytesMax {
			continue
		}
		a.metrics.restored.Add(float64(f.records))
		if err := f.write(); err != nil {
			return err
		}
	}
	return a.store.complete(time.Now(), a.engine.retention[table])
}

func isOwner(record *kgo.Record, nonce string) bool {
	if string(record.Key) != keyOwner {
		return false
	}
	var o owner
	return json.Unmarshal(record.Value, &o) == nil && o.Nonce == nonce
}

// checkIndex builds the index again where another version of Tags made it, or none.
func (s *shard) checkIndex(tags func(state []byte) ([]string, error)) error {
	if s.store.position.IndexVersion == s.process.TagsVersion {
		return nil
	}
	s.log.Info("building the index again", "version", s.process.TagsVersion, "was", s.store.position.IndexVersion)
	if s.process.TagsVersion == "" {
		tags = func([]byte) ([]string, error) { return nil, nil }
	}
	if err := s.store.reindex(s.process.TagsVersion, s.engine.config.Limits.RestoreBytesMax, tags); err != nil {
		return stop(err)
	}
	return nil
}
