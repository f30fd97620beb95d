package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// producerIdentity is what a transaction belongs to at the broker. Another epoch is another transaction.
type producerIdentity struct {
	id    int64
	epoch int16
}

// How long the client may take to learn of a partition that it has written to, and how often it is asked.
const (
	knownTimeMax = time.Second
	knownPause   = time.Millisecond
)

// beginTransaction opens a transaction of the client's. At the broker it begins with the first record that is produced.
func (a *attempt) beginTransaction(ctx context.Context) (producerIdentity, error) {
	if err := a.client.BeginTransaction(); err != nil {
		return producerIdentity{}, fmt.Errorf("beginning a transaction: %w", err)
	}
	return a.askProducer(ctx)
}

// askProducer asks the client, which knows it by heart, who it is to the broker.
func (a *attempt) askProducer(ctx context.Context) (producerIdentity, error) {
	id, epoch, err := a.client.ProducerID(ctx)
	if err != nil {
		return producerIdentity{}, fmt.Errorf("asking for the producer's identity: %w", err)
	}
	return producerIdentity{id, epoch}, nil
}

// endTransaction commits the transaction that was begun as the given producer. All of it must be acknowledged, without an error, and a record of the changelog
// among it. Every transaction of a shard ends here: the client says that all went well also where it committed a part, or nothing, so what it is about to do is
// found out before, and what it did after. An error is a doubt.
func (a *attempt) endTransaction(ctx context.Context, began producerIdentity) error {
	if err := a.checkWhole(ctx, began); err != nil {
		return err
	}
	if err := a.checkKnown(ctx); err != nil {
		return err
	}
	// An error here proves nothing about what became of the transaction; the next life finds out from the changelog.
	if err := a.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("committing a transaction: %w", errors.Join(err, errUnknownOutcome))
	}
	return a.checkEnded(ctx, began)
}

// checkWhole refuses to commit where the client took another epoch on the way. It does so by itself, with no error to anybody, where a refused write looks
// harmless to it: the broker has aborted what was written before, and a commit would keep only what came after.
func (a *attempt) checkWhole(ctx context.Context, began producerIdentity) error {
	producer, err := a.askProducer(ctx)
	if err == nil && producer != began {
		err = fmt.Errorf("the client began another transaction in the middle of one: its epoch was %d and is %d", began.epoch, producer.epoch)
	}
	return err
}

// checkKnown waits until the client knows the changelog's partition. The client aborts a transaction that it believes to be empty, although a commit was asked
// for, and returns no error; and it looks for what was written only in the partitions that it knows. To a topic that is new to it, it writes a moment before it
// notes the topic's partitions, so on a busy machine the broker's acknowledgement can be there first.
func (a *attempt) checkKnown(ctx context.Context) error {
	table := a.process.Table.Name
	for began := time.Now(); ; {
		leader, _, err := a.client.PartitionLeader(table, a.number)
		if leader >= 0 {
			return nil
		}
		if time.Since(began) >= knownTimeMax {
			return errors.Join(fmt.Errorf("the client does not know %s/%d, to which it has just written, and would abort instead of committing", table, a.number), err)
		}
		if err := pause(ctx, knownPause); err != nil {
			return err
		}
	}
}

// checkEnded says whether the broker ended anything: with every end it gives the producer another epoch.
func (a *attempt) checkEnded(ctx context.Context, began producerIdentity) error {
	producer, err := a.askProducer(ctx)
	if err == nil && producer == began {
		err = fmt.Errorf("the client says that it committed a transaction, but its epoch is still %d: %w", began.epoch, errUnknownOutcome)
	}
	return err
}
