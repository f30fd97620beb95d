package engine

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
)

// keyBorn is written once, with the first !meta, and never again. So it stands at the beginning of the changelog, and whoever deletes
// records from there takes it away first.
const keyBorn = "!born"

// correctBrokers is what mends a start against the brokers of another cluster.
const correctBrokers = "correct the brokers' address (--brokers or PENSTOCK_BROKERS)"

// identity says which cluster and which topics a shard's offsets belong to. Names will not do: a topic that was deleted and made again has
// the name of the former one and none of its records, and behind the same address there may be another cluster.
type identity struct {
	Cluster string `json:"cluster,omitempty"`
	Inbox   string `json:"inbox,omitempty"`
	Table   string `json:"table,omitempty"`
	// InboxSchema and TableSchema are the registry's ids of our own schemas with the beginning of a hash of their text. Records name schemas by these
	// ids; a registry that was emptied gives them to others.
	InboxSchema string `json:"inbox_schema,omitempty"`
	TableSchema string `json:"table_schema,omitempty"`
}

// numbered is a framing by ids, as that of a registry is.
type numbered interface {
	ID(topic string) (id uint32, known bool)
}

// schemaOf returns the id of a topic's own schema with its hash, or "" where the framing has no ids.
func (s *shard) schemaOf(topic streams.Topic) string {
	if framing, ok := s.engine.config.Framing.(numbered); ok && topic.Schema != "" {
		if id, known := framing.ID(topic.Name); known {
			sum := sha256.Sum256([]byte(topic.Schema))
			return fmt.Sprintf("%d:%x", id, sum[:schemaHashBytes])
		}
	}
	return ""
}

// schemaHashBytes is how much of a schema's hash is kept: enough to tell a handful of versions apart.
const schemaHashBytes = 8

// checkSchema refuses a registry that gives another id to a schema that had one, or the id to another schema.
func (s *shard) checkSchema(topic streams.Topic, was, now string) error {
	wasID, wasHash, _ := strings.Cut(was, ":")
	id, hash, _ := strings.Cut(now, ":")
	if was == "" || now == "" || (wasID == id) == (wasHash == hash) {
		return nil
	}
	return stopf("the schema registry gives the schema of %s the id %s, but this shard's records were written when it had %s, or that was another schema's: "+
		"the registry was emptied, or is another one; bring the former one back", topic.Name, id, wasID)
}

// identify asks the brokers who they are, and which topics bear the names of the shard's inbox and changelog.
func (s *shard) identify(ctx context.Context, client *kgo.Client) (identity, error) {
	inbox, table := s.process.Inbox.Name, s.process.Table.Name
	metadata, err := kadm.NewClient(client).Metadata(ctx, inbox, table)
	if err != nil {
		return identity{}, fmt.Errorf("asking for the identity of %s and %s: %w", inbox, table, err)
	}
	for _, name := range []string{inbox, table} {
		if !metadata.Topics.Has(name) {
			return identity{}, fmt.Errorf("the topic %s is gone; bring it back: a new one under its name would be refused", name)
		}
		// An answer that is an error has no id.
		if err := metadata.Topics[name].Err; err != nil {
			return identity{}, fmt.Errorf("asking for the identity of %s: %w", name, err)
		}
	}
	return identity{
		Cluster: metadata.Cluster, Inbox: asKafkaShows(metadata.Topics[inbox].ID), Table: asKafkaShows(metadata.Topics[table].ID),
		InboxSchema: s.schemaOf(s.process.Inbox), TableSchema: s.schemaOf(s.process.Table),
	}, nil
}

// asKafkaShows writes a topic's id as Kafka's own tools do, so that an operator can compare.
func asKafkaShows(id kadm.TopicID) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// checkIdentity refuses to go on from a !meta that was written for other topics, and adopts what a !meta from before there were identities
// leaves open.
func (a *attempt) checkIdentity() error {
	was, now := a.committed.identity, a.identity
	a.committed.identity = now
	a.unborn = was == identity{}
	if a.unborn {
		return nil
	}
	inbox, table := a.process.Inbox, a.process.Table
	if was.Cluster != now.Cluster {
		return stopf("the changelog %s/%d was written in the cluster %s, but the brokers are those of %s: "+correctBrokers,
			table.Name, a.number, was.Cluster, now.Cluster)
	}
	if was.Table != now.Table && !a.accepts(table, now.Table) {
		return stopf("the changelog %s has the id %s, but what is in it was written to a topic with the id %s: it was deleted and made again. "+
			"Bring the former topic back; if this one holds a full copy of it, %s", table.Name, now.Table, was.Table, acceptCommand(table, now.Table))
	}
	if born, err := a.store.get([]byte(keyBorn)); born == nil || err != nil {
		if err != nil {
			return err
		}
		return stopf("the changelog %s/%d has lost its first records (%s is missing), and states with them: bring it back from a backup, "+
			"or run the shard where its store is whole", table.Name, a.number, keyBorn)
	}
	if err := errors.Join(a.checkSchema(inbox, was.InboxSchema, now.InboxSchema), a.checkSchema(table, was.TableSchema, now.TableSchema)); err != nil {
		return err
	}
	if was.Inbox == now.Inbox {
		return nil
	}
	if !a.accepts(inbox, now.Inbox) {
		return otherInbox(inbox, a.committed.next, was, now)
	}
	if a.sweep != nil {
		return stopf("the inbox %s was made again in the middle of the sweep of its control record @%d: bring the former topic back", inbox.Name, a.sweep.Offset)
	}
	a.log.Warn("reading the new inbox from its beginning, as was asked", "topic", inbox.Name, "id", now.Inbox, "was", was.Inbox, "left_at", a.committed.next)
	a.committed.next = 0
	return nil
}

func otherInbox(inbox streams.Topic, next int64, was, now identity) error {
	return stopf("the inbox %s has the id %s, but the position %d of this shard belongs to a topic with the id %s: it was deleted and made again. "+
		"Bring the former topic back; if what this shard had not read of it may be lost, read the new one from its beginning: %s",
		inbox.Name, now.Inbox, next, was.Inbox, acceptCommand(inbox, now.Inbox))
}

// explain finds out whether the log that does not hold our position is still the one that it belongs to.
func (a *attempt) explain(ctx context.Context, gone error) error {
	ctx, cancel := context.WithTimeout(ctx, a.engine.config.Limits.StopTimeMax)
	defer cancel()
	client, err := a.newClient() // the old one remembers the topics as they were
	if err != nil {
		return gone
	}
	defer client.Close()
	now, err := a.identify(ctx, client)
	if err != nil || now.Inbox == a.identity.Inbox {
		return gone
	}
	return otherInbox(a.process.Inbox, a.committed.next, a.identity, now)
}

// prove makes sure, once the client has read something, that it reads the inbox that our position is of: between the question at the start of the
// life and the client's own, the topic could have been made again.
func (l *loop) prove(ctx context.Context, records int) error {
	if l.proven || records == 0 {
		return nil
	}
	now, err := l.identify(ctx, l.client)
	if err != nil {
		return err
	}
	if now.Inbox != l.identity.Inbox {
		return otherInbox(l.process.Inbox, l.committed.next, l.identity, now)
	}
	l.proven = true
	return nil
}

// accepts says that an operator has named this very topic as the one to go on with.
func (a *attempt) accepts(topic streams.Topic, id string) bool {
	return a.engine.config.Accepted[topic.Name] == id
}

func acceptCommand(topic streams.Topic, id string) string {
	return fmt.Sprintf("run `penstock run ... --accept-topic %s=%s` once", topic.Name, id)
}

// bear puts !born in front of all else that the first transaction writes.
func (l *loop) bear() {
	if l.unborn {
		l.overlay.born = mustJSON(l.committed.identity)
	}
}
