package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/avrojson"
	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// lineBytesMax bounds a line of input. It leaves room for records that intake will refuse as too large.
const lineBytesMax = 4 << 20

// produceFlags are the flags of `produce`.
type produceFlags struct {
	target
	file, keyField string
	json           bool
}

func newProduce() *cobra.Command {
	var flags produceFlags
	cmd := &cobra.Command{
		Use:     "produce TOPIC",
		GroupID: groupData,
		Short:   "Send records, one JSON object per line",
		Long: `Reads JSON lines, encodes each by the newest schema that the registry has for the topic, and sends it. It ends when every record
is acknowledged. A line that does not fit the schema is refused with its number and the field; the others are sent.

Decimals are written as texts ("100.00"), dates as 2008-03-20. Of several types a record takes one, named by its tag:
{"Buy": {...}}. "penstock schemas show TOPIC" prints the schema.

The record's time is the broker's, as for every client: on the manual clock of "penstock up" the simulated time.`,
		Example: `  echo '{"source":"portal","id":"open-1","pot":"p1","instructedOn":"2008-03-20","body":{"PotOpened":{}}}' |
    penstock produce ingest.instruction.v1
  penstock produce ingest.instruction.v1 --file instructions.jsonl --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return flags.run(cmd, args[0]) },
	}
	flags.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&flags.file, "file", "-", "file to read, - for standard input")
	f.StringVar(&flags.keyField, "key-field", "", "field whose text is the record's key (default: the topic's own: pot, asset, trade or id)")
	f.BoolVar(&flags.json, "json", false, "print the position of each record as a JSON line")
	return cmd
}

// sent is what became of one line. Its JSON form is an interface.
type sent struct {
	Line      int    `json:"line"`
	Topic     string `json:"topic,omitempty"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Key       string `json:"key,omitempty"`
	Error     string `json:"error,omitempty"`
}

func (f *produceFlags) run(cmd *cobra.Command, topic string) error {
	if err := fromOutside(topic); err != nil {
		return err
	}
	input := cmd.InOrStdin()
	if f.file != "-" {
		file, err := os.Open(f.file)
		if err != nil {
			return fmt.Errorf("opening the input: %w", err)
		}
		defer func() { _ = file.Close() }()
		input = file
	}
	connection, err := f.connection(cmd.Context())
	if err != nil {
		return err
	}
	encode, err := newEncoder(cmd.Context(), connection, topic, f.keyField)
	if err != nil {
		return err
	}
	producer, err := feed.NewProducer(connection)
	if err != nil {
		return err
	}
	defer producer.Close()
	report := &report{json: f.json, out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr()}
	if err := sendLines(cmd.Context(), input, encode, producer, report); err != nil {
		return err
	}
	return report.end(topic)
}

// encoder turns JSON lines into framed records of one topic.
type encoder struct {
	topic, keyField string
	frame           []byte
	codec           *avrojson.Codec
}

func newEncoder(ctx context.Context, connection feed.Connection, topic, keyField string) (*encoder, error) {
	registry, err := openRegistry(connection)
	if err != nil {
		return nil, err
	}
	text, id, ok, err := registry.LatestSchema(ctx, topic+"-value")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("the registry has no schema for %s; the topics to write to are %s", topic, strings.Join(ingestTopics(), ", "))
	}
	codec, err := avrojson.New(text)
	if err != nil {
		return nil, fmt.Errorf("schema %d of %s: %w", id, topic, err)
	}
	return &encoder{topic, keyField, []byte{0, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}, codec}, nil
}

// fromOutside refuses a topic that only the pipeline writes to, changelogs included: its readers believe whatever stands there.
func fromOutside(topic string) error {
	own := func(t streams.Topic) bool { return t.Name == topic && !t.Stamped }
	if !slices.ContainsFunc(roles.Topics(1), own) {
		return nil
	}
	return fmt.Errorf("only the pipeline writes to %s; the topics to write to are %s", topic, strings.Join(ingestTopics(), ", "))
}

func ingestTopics() []string {
	var names []string
	for _, topic := range streams.Topics() {
		if topic.Stamped {
			names = append(names, topic.Name)
		}
	}
	return names
}

// naturalKeys are the fields that may be a record's key where none is named, the first that it has.
var naturalKeys = []string{"pot", "trade", "asset", "id"}

func (e *encoder) message(line []byte) (feed.Message, error) {
	value, err := e.codec.Encode(append([]byte(nil), e.frame...), line)
	if err != nil {
		return feed.Message{}, err
	}
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err != nil {
		return feed.Message{}, fmt.Errorf("reading the key: %w", err)
	}
	names := naturalKeys
	if e.keyField != "" {
		names = []string{e.keyField}
	}
	for _, name := range names {
		if key, ok := fields[name].(string); ok {
			return feed.Message{Topic: e.topic, Key: key, Value: value}, nil
		}
	}
	return feed.Message{}, fmt.Errorf("none of the fields %s is a text to serve as the key; name one with --key-field", strings.Join(names, ", "))
}

// sendLines sends every line that is a record. It returns an error only where reading or waiting failed.
func sendLines(ctx context.Context, input io.Reader, encode *encoder, producer *feed.Producer, report *report) error {
	scanner := bufio.NewScanner(input)
	scanner.Buffer(nil, lineBytesMax)
	var pending sync.WaitGroup
	line := 0
	for scanner.Scan() {
		line++
		text := bytes.TrimSpace(scanner.Bytes())
		if len(text) == 0 {
			continue
		}
		number := line
		message, err := encode.message(text)
		if err != nil {
			report.add(sent{Line: number, Error: err.Error()})
			continue
		}
		pending.Add(1)
		producer.SendAsync(ctx, message, func(position feed.Position, err error) {
			defer pending.Done()
			result := sent{Line: number, Topic: position.Topic, Partition: position.Partition, Offset: position.Offset, Key: message.Key}
			if err != nil {
				result = sent{Line: number, Error: err.Error()}
			}
			report.add(result)
		})
	}
	pending.Wait()
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("reading line %d: %w", line+1, err)
	}
	return nil
}

// report tells what became of each line.
type report struct {
	json       bool
	out, errs  io.Writer
	mutex      sync.Mutex
	ok, failed int
}

func (r *report) add(s sent) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if s.Error == "" {
		r.ok++
	} else {
		r.failed++
	}
	if r.json {
		if text, err := json.Marshal(s); err == nil {
			fmt.Fprintf(r.out, "%s\n", text)
		}
	} else if s.Error != "" {
		fmt.Fprintf(r.errs, "line %d: %s\n", s.Line, s.Error)
	}
}

func (r *report) end(topic string) error {
	if !r.json {
		fmt.Fprintf(r.out, "%d records sent to %s\n", r.ok, topic)
	}
	if r.failed > 0 {
		return fmt.Errorf("%d lines were not sent; each is told above", r.failed)
	}
	if r.ok == 0 {
		return errors.New("the input has no records")
	}
	return nil
}
