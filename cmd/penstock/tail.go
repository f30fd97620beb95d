package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/avrojson"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// tailFlags are the flags of `tail`.
type tailFlags struct {
	target
	fromStart, noFollow, json bool
	max                       int
}

func newTail() *cobra.Command {
	var flags tailFlags
	cmd := &cobra.Command{
		Use:     "tail TOPIC",
		GroupID: groupData,
		Short:   "Print a topic's records as they are committed",
		Long: `Reads committed records only and decodes each by the schema that its own frame names. Decimals are decimal texts, dates
2008-03-20, times UTC. It follows the topic until interrupted, unless --no-follow or --max says when to end.`,
		Example: `  penstock tail ledger.journal.v1 --from-start --no-follow
  penstock tail instruction.status.v1 --json | jq -r 'select(.value.state == "rejected") | .value.code'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return flags.run(cmd, args[0]) },
	}
	flags.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&flags.fromStart, "from-start", false, "begin at the oldest record instead of the next one")
	f.BoolVar(&flags.noFollow, "no-follow", false, "end at the last record that is there now (implies --from-start)")
	f.IntVar(&flags.max, "max", 0, "end after so many records (default: never)")
	f.BoolVar(&flags.json, "json", false, "print a JSON line per record, with its position, key and time")
	return cmd
}

// errEnough ends a read early.
var errEnough = errors.New("enough")

func (f *tailFlags) run(cmd *cobra.Command, topic string) error {
	connection, err := f.connection(cmd.Context())
	if err != nil {
		return err
	}
	registry, err := openRegistry(connection)
	if err != nil {
		return err
	}
	p := newPrinter(registry)
	p.out, p.json, p.max = cmd.OutOrStdout(), f.json, f.max
	if f.noFollow {
		err = feed.ReadToEnd(cmd.Context(), connection, topic, func(r feed.Record) error { return p.print(cmd.Context(), &r) })
	} else {
		err = f.follow(cmd.Context(), connection, topic, p)
	}
	if errors.Is(err, errEnough) || cmd.Context().Err() != nil {
		return nil //nolint:nilerr // enough was printed, or the user interrupted: that is how a tail ends
	}
	return err
}

func (f *tailFlags) follow(ctx context.Context, connection feed.Connection, topic string, p *printer) error {
	reader, err := feed.NewReader(connection, warnings())
	if err != nil {
		return err
	}
	defer reader.Close()
	ends, err := reader.EndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	for place, end := range ends {
		if f.fromStart {
			end = feed.OffsetOldest
		}
		reader.Add(feed.Position{Place: place, Offset: end})
	}
	for {
		batches, err := reader.Poll(ctx)
		if err != nil {
			return err
		}
		for i := range batches {
			for n := range batches[i].Records {
				if err := p.print(ctx, &batches[i].Records[n]); err != nil {
					return err
				}
			}
		}
	}
}

// codecsMax bounds the schemas that are remembered; a topic has few.
const codecsMax = 1000

// printer prints records.
type printer struct {
	out      io.Writer
	json     bool
	max      int
	printed  int
	registry *feed.Registry
	codecs   map[uint32]*avrojson.Codec
}

// newPrinter makes one that only reads records until it is told where to print them.
func newPrinter(registry *feed.Registry) *printer {
	return &printer{registry: registry, codecs: make(map[uint32]*avrojson.Codec)}
}

// tailed is a printed record. Its JSON form is an interface. A value that cannot be decoded is told in Error.
type tailed struct {
	Topic     string          `json:"topic"`
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	Timestamp string          `json:"timestamp"`
	Key       string          `json:"key"`
	Schema    uint32          `json:"schema,omitempty"`
	Value     json.RawMessage `json:"value"`
	Error     string          `json:"error,omitempty"`
}

// position is where the record stands.
func (r *tailed) position() feed.Position {
	return feed.Position{Place: feed.Place{Topic: r.Topic, Partition: r.Partition}, Offset: r.Offset}
}

// read makes a record readable. Only the end of the context is an error: what cannot be decoded says so in what is returned.
func (p *printer) read(ctx context.Context, r *feed.Record) (tailed, error) {
	line := tailed{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.String(), Key: keyText(r.Key)}
	if r.Value == nil {
		return line, nil
	}
	var err error
	if line.Schema, line.Value, err = p.decode(ctx, r.Value); err != nil {
		line.Error = err.Error()
		return line, ctx.Err()
	}
	return line, nil
}

// readRecords reads the records at these positions, in the order given; what is not there any more is left out.
func readRecords(ctx context.Context, connection feed.Connection, registry *feed.Registry, positions []feed.Position) ([]tailed, error) {
	p := newPrinter(registry)
	records := make([]tailed, 0, len(positions))
	err := feed.ReadAt(ctx, connection, positions, func(r feed.Record) error {
		record, err := p.read(ctx, &r)
		records = append(records, record)
		return err
	})
	return records, err
}

func (p *printer) print(ctx context.Context, r *feed.Record) error {
	line, err := p.read(ctx, r)
	if err != nil {
		return err
	}
	switch {
	case p.json:
		err = printLine(p.out, line)
	case line.Error != "":
		_, err = fmt.Fprintf(p.out, "%s/%d@%d  %s  cannot be decoded: %s\n", r.Topic, r.Partition, r.Offset, line.Key, line.Error)
	default:
		_, err = fmt.Fprintf(p.out, "%s/%d@%d  %s  %s  %s\n", r.Topic, r.Partition, r.Offset, line.Timestamp, line.Key, line.Value)
	}
	p.printed++
	if err == nil && p.printed == p.max {
		return errEnough
	}
	return err
}

func keyText(key []byte) string {
	if utf8.Valid(key) {
		return string(key)
	}
	return fmt.Sprintf("%x", key)
}

// frameBytes is the length of the registry's frame before a payload.
const frameBytes = 5

func (p *printer) decode(ctx context.Context, framed []byte) (uint32, json.RawMessage, error) {
	id, err := feed.FrameID(framed)
	if err != nil {
		return 0, nil, err
	}
	codec := p.codecs[id]
	if codec == nil {
		schema, err := p.registry.SchemaByID(ctx, id)
		if err != nil {
			return id, nil, err
		}
		if codec, err = avrojson.New(schema); err != nil {
			return id, nil, err
		}
		if len(p.codecs) >= codecsMax {
			clear(p.codecs)
		}
		p.codecs[id] = codec
	}
	text, err := codec.Decode(framed[frameBytes:])
	return id, text, err
}
