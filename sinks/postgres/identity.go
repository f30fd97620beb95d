package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// ErrOtherTopic says that a topic is not the one that the ledger was booked from, though it has its name. Nothing was booked.
var ErrOtherTopic = errors.New("this is not the topic that the ledger was booked from")

// Bind ties the position of a partition to a cluster and the id of a topic, the first time; afterwards it returns ErrOtherTopic for any other.
func (l *Ledger) Bind(ctx context.Context, place feed.Place, cluster, id string) error {
	const bind = "update ledger.position set cluster = $3, topic_id = $4 where topic = $1 and partition = $2 and topic_id = ''"
	if _, err := l.pool.Exec(ctx, bind, place.Topic, place.Partition, cluster, id); err != nil {
		return fmt.Errorf("tying the position of %s to its topic: %w", place, err)
	}
	var boundCluster, bound string
	const read = "select cluster, topic_id from ledger.position where topic = $1 and partition = $2"
	if err := l.pool.QueryRow(ctx, read, place.Topic, place.Partition).Scan(&boundCluster, &bound); err != nil {
		return fmt.Errorf("reading which topic the position of %s is of: %w", place, err)
	}
	if boundCluster != cluster {
		return fmt.Errorf("%w: the position of %s belongs to the Kafka cluster %s, this is %s; correct the address of the brokers or of the database "+
			"(PENSTOCK_BROKERS or PENSTOCK_POSTGRES_URL)", ErrOtherTopic, place, boundCluster, cluster)
	}
	if bound != id {
		return fmt.Errorf("%w: the position of %s belongs to a topic with the id %s, but now it has the id %s: it was deleted and made again; "+
			"bring the former topic back (the page on refusals says when the new one may be booked)", ErrOtherTopic, place, bound, id)
	}
	return nil
}

// places are the partitions that the lane reads.
func (l *lane) places() []feed.Place {
	if l.place.Topic == streams.LedgerTrade {
		return []feed.Place{l.place}
	}
	return []feed.Place{l.place, {Topic: streams.LedgerProgress, Partition: l.place.Partition}}
}

// bind asks the brokers which topics they have, and compares them with those that the ledger was booked from.
func (l *lane) bind(ctx context.Context) error {
	places := l.places()
	names := make([]string, len(places))
	for i, place := range places {
		names[i] = place.Topic
	}
	identity, err := feed.Identify(ctx, l.sink.config.Connection, names...)
	if err != nil {
		return err
	}
	for _, place := range places {
		if err := l.sink.ledger.Bind(ctx, place, identity.Cluster, identity.Topics[place.Topic]); err != nil {
			return err
		}
	}
	return nil
}

// poll waits for records. The first are handed on only when it is known that they come from the topics that the ledger is booked from: these could
// have been made again between the session's first question and the reader's own.
func (l *lane) poll(ctx context.Context, reader *feed.Reader) ([]feed.Batch, error) {
	l.held.polled(nil) // who asks for more has booked what there was
	batches, err := reader.Poll(ctx)
	l.held.polled(batches)
	if err == nil && !l.sure {
		err = l.bind(ctx)
		l.sure = err == nil
	}
	return batches, err
}
