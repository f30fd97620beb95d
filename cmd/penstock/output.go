package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

// printJSON writes what a program reads.
func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// table writes rows in columns.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer, heads ...string) table {
	t := table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	fmt.Fprintln(t.w, strings.ToUpper(strings.Join(heads, "\t")))
	return t
}

func (t table) row(cells ...any) {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = fmt.Sprint(cell)
	}
	fmt.Fprintln(t.w, strings.Join(texts, "\t"))
}

func (t table) flush() error { return t.w.Flush() }

// number shows an offset or a count, "?" where nobody knew it.
func number(n int64) string {
	if n < 0 {
		return "?"
	}
	return fmt.Sprint(n)
}

// schemaTopics returns the topics whose values have a schema. The number of shards does not matter to it.
func schemaTopics() []streams.Topic {
	var topics []streams.Topic
	for _, topic := range roles.Topics(1) {
		if topic.Schema != "" {
			topics = append(topics, topic)
		}
	}
	return topics
}

// printLine writes one line of JSON.
func printLine(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// units shows whole quanta with their decimals.
func units(quanta int64, scale int) string { return schemas.Units(quanta).Text(scale) }
