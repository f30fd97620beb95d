package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/avrojson"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

func newReference() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "reference",
		GroupID: groupAdmin,
		Short:   "Apply and show assets, calendars, custodians, settings, the annual charge",
		Example: "  penstock reference show\n  penstock reference apply assets.yaml --execute",
	}
	cmd.AddCommand(newReferenceApply(), newReferenceShow())
	return cmd
}

// referenceEntriesMax bounds the entries of one file.
const referenceEntriesMax = 10_000

func newReferenceApply() *cobra.Command {
	var t target
	var source, id string
	var execute bool
	cmd := &cobra.Command{
		Use:   "apply FILE",
		Short: "Send reference data from a YAML or JSON file",
		Long: `The file is a list of entries in the form that "penstock reference show" prints: an object with one member that names its kind, Asset,
Calendar, Custodian, Settings, GlidePath or AnnualCharge. Entries are sent in order; calendars and custodians stand before what refers to them. Sending
again what was accepted changes nothing, also where another entry has replaced it since. To return to a row that was replaced, send it with another --id, before
its day begins; what a custodian was before has no such day. What is refused shows in audit.rejection.v1.

Prints what it would send, and acts only with --execute.`,
		Example: `  penstock reference show > reference.json
  penstock reference apply reference.json --source operations --execute`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			entries, err := readEntries(args[0])
			if err != nil {
				return err
			}
			if !execute {
				for _, entry := range entries {
					fmt.Fprintf(cmd.OutOrStdout(), "%s\n", entry)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%d entries; nothing was sent; add --execute to send them\n", len(entries))
				return nil
			}
			return t.sendReference(cmd, source, id, entries)
		},
	}
	t.flags(cmd)
	cmd.Flags().StringVar(&source, "source", "operations", "who publishes the data")
	cmd.Flags().StringVar(&id, "id", "", "id of this sending; without it an entry's id follows from the source and what the entry says")
	cmd.Flags().BoolVar(&execute, "execute", false, "act; without it the plan is printed")
	return cmd
}

// readEntries reads a list of entries; JSON is YAML, too.
func readEntries(path string) ([]json.RawMessage, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading reference data: %w", err)
	}
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(asJSON, &entries); err != nil {
		return nil, fmt.Errorf("reading %s: it must be a list of entries: %w", path, err)
	}
	if len(entries) == 0 || len(entries) > referenceEntriesMax {
		return nil, fmt.Errorf("reading %s: it has %d entries, from 1 to %d are allowed", path, len(entries), referenceEntriesMax)
	}
	for i, entry := range entries {
		var compact bytes.Buffer
		if err := json.Compact(&compact, entry); err != nil {
			return nil, fmt.Errorf("reading entry %d of %s: %w", i+1, path, err)
		}
		entries[i] = compact.Bytes()
	}
	return entries, nil
}

func (t *target) sendReference(cmd *cobra.Command, source, id string, entries []json.RawMessage) error {
	codec, err := avrojson.New(ingest.ReferenceDataSchema)
	if err != nil {
		return err
	}
	connection, err := t.connection(cmd.Context())
	if err != nil {
		return err
	}
	registry, err := t.registryOf(cmd.Context(), connection)
	if err != nil {
		return err
	}
	// All are encoded before the first is sent: a mistake in the last must not leave half of them applied.
	messages := make([]feed.Message, len(entries))
	for i, entry := range entries {
		id := referenceID(source, id, entry)
		record, err := json.Marshal(map[string]any{"source": source, "id": id, "entry": map[string]any{"body": entry}})
		if err != nil {
			return err
		}
		value, err := codec.Encode(registry.Frame(streams.IngestReference, nil), record)
		if err != nil {
			return fmt.Errorf("entry %d: %w", i+1, err)
		}
		messages[i] = feed.Message{Topic: streams.IngestReference, Key: id, Value: value}
	}
	producer, err := feed.NewProducer(connection)
	if err != nil {
		return err
	}
	defer producer.Close()
	for i := range messages {
		if _, err := producer.Send(cmd.Context(), messages[i]); err != nil {
			return fmt.Errorf("entry %d: %w", i+1, err)
		}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d entries sent; refusals, if any: penstock tail %s --no-follow\n", len(entries), streams.AuditRejection)
	return nil
}

// referenceID returns an entry's id: the same entry, sent again, has the same id, unless the operator names the sending.
func referenceID(source, sending string, entry json.RawMessage) string {
	parts := []string{"reference", source, string(entry)}
	if sending != "" {
		parts = append(parts, sending)
	}
	return schemas.DeriveID(parts...).String()
}

func newReferenceShow() *cobra.Command {
	var t target
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Print the reference data that dealing knows, as JSON that can be applied",
		Example: "  penstock reference show | jq '.[] | select(.Asset)'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var entries []json.RawMessage
			if err := t.get(cmd.Context(), "/reference", &entries); err != nil {
				return err
			}
			return printJSON(cmd.OutOrStdout(), entries)
		},
	}
	t.flags(cmd)
	return cmd
}
