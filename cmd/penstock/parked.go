package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/parked"
	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

func newParked() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "parked",
		GroupID: groupLook,
		Short:   "List pots that could not be decided; release them, or drop a record",
		Long: `A pot of which a record cannot be decided is parked: that record and all that comes after it wait, in order, and the others go on. Once the
cause is mended an operator releases the pot, and what waited is decided. A record that can never be decided is dropped, and its sender is told.
External trades are parked in the same way, in the process dealing. See ops/docs/parking.md.`,
		Example: `  penstock parked list
  penstock parked release p1 --reason "mended by release 2.4.1" --execute`,
	}
	cmd.AddCommand(newParkedList(), newParkedShow(), newParkedRelease(), newParkedDrop())
	return cmd
}

func newParkedList() *cobra.Command {
	var t target
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what is parked, of all instances",
		Long: `Reads the history of parked keys to its end, so it knows of those of every instance, also of one that is down.
The exit status is 0 whether or not anything is parked.`,
		Example: "  penstock parked list\n  penstock parked list --json | jq -r '.[].key'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			history, err := t.history(cmd.Context())
			if err != nil {
				return err
			}
			keys := history.Keys()
			if asJSON {
				return printJSON(cmd.OutOrStdout(), keys)
			}
			return printParked(cmd.OutOrStdout(), keys)
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printParked(w io.Writer, keys []*parked.Key) error {
	if len(keys) == 0 {
		_, err := fmt.Fprintln(w, "nothing is parked")
		return err
	}
	table := newTable(w, "process", "key", "shard", "records", "since", "tried", "reason")
	for _, k := range keys {
		table.row(k.Process, k.Key, k.Shard, len(k.Records), k.Since.Time().Format(time.DateTime), k.Attempts, k.Reason)
	}
	return table.flush()
}

// parkedKey names a parked key, as flags and arguments do.
type parkedKey struct {
	target
	process, key string
}

func (p *parkedKey) flags(cmd *cobra.Command) {
	p.target.flags(cmd)
	cmd.Flags().StringVar(&p.process, "process", pot.Name, "process in which the key is parked: pot or dealing")
}

// find returns the parked key, and how to reach the brokers.
func (p *parkedKey) find(ctx context.Context) (*parked.Key, feed.Connection, *feed.Registry, error) {
	if p.process != pot.Name && p.process != dealing.Name {
		return nil, feed.Connection{}, nil, fmt.Errorf("--process %q: it must be %s or %s", p.process, pot.Name, dealing.Name)
	}
	connection, registry, err := p.reached(ctx)
	if err != nil {
		return nil, connection, nil, err
	}
	history, err := historyOf(ctx, connection, registry)
	if err != nil {
		return nil, connection, nil, err
	}
	k := history.Find(p.process, p.key)
	if k == nil {
		return nil, connection, nil, fmt.Errorf("%s is not parked in process %s; see: penstock parked list", p.key, p.process)
	}
	return k, connection, registry, nil
}

func (t *target) reached(ctx context.Context) (feed.Connection, *feed.Registry, error) {
	connection, err := t.connection(ctx)
	if err != nil {
		return connection, nil, err
	}
	registry, err := t.registryOf(ctx, connection)
	return connection, registry, err
}

// history reads the history of parked keys to its end.
func (t *target) history(ctx context.Context) (*parked.Fold, error) {
	connection, registry, err := t.reached(ctx)
	if err != nil {
		return nil, err
	}
	return historyOf(ctx, connection, registry)
}

func historyOf(ctx context.Context, connection feed.Connection, registry *feed.Registry) (*parked.Fold, error) {
	fold := new(parked.Fold)
	err := feed.ReadToEnd(ctx, connection, streams.AuditParked, func(record feed.Record) error {
		event, err := parkedEvent(ctx, registry, &record)
		if err == nil {
			fold.Add(event)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the history of parked keys: %w", err)
	}
	return fold, nil
}

func parkedEvent(ctx context.Context, registry *feed.Registry, record *feed.Record) (*audit.Parked, error) {
	payload, err := registry.Unframe(ctx, streams.AuditParked, record.Value)
	if err != nil {
		return nil, err
	}
	event := new(audit.Parked)
	r := avrobin.NewReader(payload)
	event.DecodeAvro(r)
	return event, r.Done()
}

// shownMax is how many records of a key are shown unless --max says otherwise.
const shownMax = 20

func newParkedShow() *cobra.Command {
	var p parkedKey
	var asJSON bool
	var most int
	cmd := &cobra.Command{
		Use:   "show KEY",
		Short: "Show why a key is parked, and the records that wait",
		Long: `Prints the records in their order, each as JSON, read from the inbox where it lies. The first is the one that could not be decided.
They may hold personal data: treat what is printed like the topics themselves.`,
		Example: "  penstock parked show p1\n  penstock parked show 663004f8-a1ff-5323-9bd1-f0683f832fdd --process dealing --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.key = args[0]
			k, connection, registry, err := p.find(cmd.Context())
			if err != nil {
				return err
			}
			records, err := readParked(cmd.Context(), connection, registry, k.Records[:min(len(k.Records), max(0, most))])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), shownKey{k, records})
			}
			return printShown(cmd.OutOrStdout(), k, records)
		},
	}
	p.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().IntVar(&most, "max", shownMax, "records to print")
	return cmd
}

// shownKey is a parked key with what waits. Its JSON form is an interface.
type shownKey struct {
	*parked.Key
	// Records are the first ones, with their values.
	Records []tailed `json:"values"`
}

func printShown(w io.Writer, k *parked.Key, records []tailed) error {
	fmt.Fprintf(w, "%s is parked in process %s, shard %d, since %s; tried %d times\nreason: %s\n%d records wait:\n\n",
		k.Key, k.Process, k.Shard, k.Since.Time().Format(time.DateTime), k.Attempts, k.Reason, len(k.Records))
	for i := range records {
		if err := printRecord(w, &records[i], k.Records[i].Control); err != nil {
			return err
		}
	}
	if more := len(k.Records) - len(records); more > 0 {
		fmt.Fprintf(w, "... and %d more; see --max\n", more)
	}
	return nil
}

func printRecord(w io.Writer, r *tailed, control bool) error {
	note, value := "", string(r.Value)
	if control {
		note = "  (a control record of the shard)"
	}
	if r.Error != "" {
		value = "cannot be decoded: " + r.Error
	}
	_, err := fmt.Fprintf(w, "%s/%d@%d  %s%s\n  %s\n", r.Topic, r.Partition, r.Offset, r.Timestamp, note, value)
	return err
}

// readParked reads the records that wait for a key. One that is not there any more is an error.
func readParked(ctx context.Context, connection feed.Connection, registry *feed.Registry, records []parked.Record) ([]tailed, error) {
	positions := make([]feed.Position, len(records))
	for i, r := range records {
		positions[i] = feed.Position{Place: feed.Place{Topic: r.Topic, Partition: r.Partition}, Offset: r.Offset}
	}
	lines, err := readRecords(ctx, connection, registry, positions)
	if err != nil {
		return nil, err
	}
	for i, at := range positions {
		if i >= len(lines) || lines[i].position() != at {
			return nil, fmt.Errorf("there is no record at %s any more", at)
		}
	}
	return lines, nil
}
