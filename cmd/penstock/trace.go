package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/avrojson"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

func newTrace() *cobra.Command {
	var t target
	var asJSON, records, frozen bool
	cmd := &cobra.Command{
		Use:     "trace ID",
		GroupID: groupLook,
		Short:   "Follow an instruction, order, journal, posting or external trade through the ledger",
		Long: `Prints every journal that hangs together with the id, each with the position of the ingest record that caused it and the rules that decided, and what
became of the external trades. An order leads to the rest of it that was carried to another day and back, and to the other order of a switch; a trade to its
members. An instruction is named by source, pot and id, with slashes between; a posting by shard, number and leg; its journal by shard and number, or by its id. With
--records the ingest records are looked up too, with the schema that each was written by. No posting names a trade that has no price yet: with --frozen the trades of
orders, and the orders of a trade, are looked up where shards told what they froze. At most 1,000 journals are shown, 200 records looked up and 50 frozen orders of a
trade followed; where there is more, the last line says so, and "truncated" in JSON.`,
		Example: "  penstock trace portal/p1/c-1\n  penstock trace 663004f8-a1ff-5323-9bd1-f0683f832fdd --json\n  penstock trace 3/120/2 --records",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			pool, err := t.auditor(cmd.Context())
			if err != nil {
				return err
			}
			defer pool.Close()
			trace, err := postgres.FindTrace(cmd.Context(), pool, args[0])
			if err != nil {
				return err
			}
			var told []frozenOrder
			if frozen {
				if told, err = t.frozen(cmd.Context(), pool, trace); err != nil {
					return err
				}
			}
			var causes []tailed
			if records {
				if causes, err = t.records(cmd.Context(), trace); err != nil {
					return err
				}
			}
			if asJSON {
				return printTraceJSON(cmd.OutOrStdout(), trace, told, causes)
			}
			if records {
				printRecords(cmd.OutOrStdout(), causes, len(causesOf(trace)))
			}
			printFrozen(cmd.OutOrStdout(), told)
			printTrace(cmd.OutOrStdout(), trace)
			return nil
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&records, "records", false, "look up the ingest records, which need the brokers and the registry")
	cmd.Flags().BoolVar(&frozen, "frozen", false, "look up which trades orders were frozen into, on audit.batch.v1, which needs the right to read it")
	return cmd
}

func printTrace(out io.Writer, trace *postgres.Trace) {
	for i := range trace.Journals {
		j := &trace.Journals[i]
		owner := fmt.Sprintf("shard %d", j.Shard)
		if j.Pot != nil {
			owner = "pot " + string(*j.Pot)
		}
		fmt.Fprintf(out, "%s  journal %s, %s, number %d of shard %d\n    caused by %s of %s, record %s/%d@%d, decided by %s\n",
			j.RecordedAt, j.ID, owner, j.Sequence, j.Shard, j.Cause, j.Source, j.Topic, j.Partition, j.Offset, j.Rules)
		for n := range j.Postings {
			p := &j.Postings[n]
			fmt.Fprintf(out, "    %-10s %-6s %18s  %s -> %s  effective %s%s\n", p.Stage, p.Asset, quantity(p), p.From, p.To, p.EffectiveOn, ofOrder(p))
		}
	}
	for i := range trace.Events {
		e := &trace.Events[i]
		fmt.Fprintf(out, "%s  trade %s %s: %s %s of %s, %d orders", e.RecordedAt, e.Trade, e.Event, e.Side, e.Ordered, e.Asset, e.Orders)
		if e.Price != "" {
			fmt.Fprintf(out, ", %s units for %s at %s", e.Units, e.Cash, e.Price)
		}
		if e.Reason != "" {
			fmt.Fprintf(out, ", %s", e.Reason)
		}
		fmt.Fprintln(out)
	}
	for i := range trace.Dropped {
		fmt.Fprintf(out, "what was before is not in the ledger any more: %s (penstock ledger load)\n", &trace.Dropped[i])
	}
	if trace.Truncated {
		fmt.Fprintln(out, "there is more than is shown; trace an order of it")
	}
}

func quantity(p *ledger.Posting) string {
	quanta, ok := p.Quantity.Quanta(int(p.Scale))
	if !ok {
		return p.Quantity.String()
	}
	return units(quanta, int(p.Scale))
}

func ofOrder(p *ledger.Posting) string {
	if p.Order == nil {
		return ""
	}
	return "  order " + p.Order.String()
}

// tracedJSON is a trace as a program reads it; its journals have the form in which penstock tail prints them.
type tracedJSON struct {
	Kind      string             `json:"kind"`
	Journals  []json.RawMessage  `json:"journals"`
	Orders    []string           `json:"orders"`
	Trades    []string           `json:"trades"`
	Events    []tracedEvent      `json:"events"`
	Frozen    []frozenOrder      `json:"frozen,omitempty"`
	Records   []tailed           `json:"records,omitempty"`
	Dropped   []postgres.Dropped `json:"dropped,omitempty"`
	Truncated bool               `json:"truncated,omitempty"`
}

// tracedEvent is one event of a trade.
type tracedEvent struct {
	Trade        string              `json:"trade"`
	Event        string              `json:"event"`
	RecordedAt   string              `json:"recorded_at"`
	Day          string              `json:"day"`
	Custodian    schemas.CustodianID `json:"custodian"`
	Asset        schemas.AssetCode   `json:"asset"`
	Side         string              `json:"side"`
	Ordered      string              `json:"ordered"`
	Orders       int64               `json:"orders"`
	Cash         string              `json:"cash"`
	Units        string              `json:"units"`
	Price        string              `json:"price,omitempty"`
	Confirmation string              `json:"confirmation,omitempty"`
	Reason       string              `json:"reason,omitempty"`
}

func printTraceJSON(w io.Writer, trace *postgres.Trace, frozen []frozenOrder, records []tailed) error {
	codec, err := avrojson.New(ledger.JournalSchema)
	if err != nil {
		return err
	}
	out := tracedJSON{
		Kind: trace.Kind, Journals: []json.RawMessage{}, Orders: []string{}, Trades: []string{}, Events: []tracedEvent{},
		Frozen: frozen, Records: records, Dropped: trace.Dropped, Truncated: trace.Truncated,
	}
	for i := range trace.Journals {
		text, err := codec.Decode(trace.Journals[i].AppendAvro(nil))
		if err != nil {
			return err
		}
		out.Journals = append(out.Journals, text)
	}
	for _, id := range trace.Orders {
		out.Orders = append(out.Orders, id.String())
	}
	for _, id := range trace.Trades {
		out.Trades = append(out.Trades, id.String())
	}
	for i := range trace.Events {
		e := &trace.Events[i]
		out.Events = append(out.Events, tracedEvent{
			Trade: e.Trade.String(), Event: e.Event, RecordedAt: e.RecordedAt.String(), Day: e.Day.String(), Custodian: e.Custodian, Asset: e.Asset,
			Side: e.Side, Ordered: e.Ordered, Orders: e.Orders, Cash: e.Cash, Units: e.Units, Price: e.Price, Confirmation: e.Confirmation, Reason: e.Reason,
		})
	}
	return printJSON(w, out)
}
