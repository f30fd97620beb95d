package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/streams/engine"
)

func newStatus() *cobra.Command {
	var t target
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "status",
		GroupID: groupLook,
		Short:   "Show how far every shard is, and what waits for what",
		Long: `Asks a running instance for one row per shard: ends of the ingest and inbox partitions, what intake and the pot processor read next,
journals decided and booked, who owns the shard, and what it is doing. "?" stands for what the instance does not know, such as the
position of a shard that another instance runs. Where dealing runs, trades that wait for a closing price are named, with the price and since when.

Ends count the markers of transactions, so a shard that is up to date may stand a few offsets before the end.
The exit status is 1 while a role waits or has stopped. What is parked is shown, and is no fault of the instance.`,
		Example: `  penstock status
  penstock status --json | jq '.shards[] | {shard, journals, booked}'
  penstock status --api http://127.0.0.1:9600`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var status roles.Status
			if err := t.get(cmd.Context(), "/status", &status); err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), status); err != nil {
					return err
				}
			} else if err := printStatus(cmd.OutOrStdout(), &status); err != nil {
				return err
			}
			return statusFault(&status)
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func statusFault(status *roles.Status) error {
	for _, role := range status.Roles {
		if role.State != roles.StateRunning {
			return fmt.Errorf("role %s is %s: %s", role.Role, role.State, role.Reason)
		}
	}
	return nil
}

func printStatus(w io.Writer, status *roles.Status) error {
	fmt.Fprintf(w, "instance %s, %s clock at %s\n\n", status.Instance, status.Clock.Mode, status.Clock.Now.Format(time.RFC3339))
	t := newTable(w, "role", "state", "waits for")
	for _, role := range status.Roles {
		t.row(role.Role, role.State, role.Reason)
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	t = newTable(w, "shard", "ingest", "intake", "inbox", "pot", "journals", "booked", "recorded", "owner", "state", "sweep", "txn", "parked")
	for i := range status.Shards {
		r := &status.Shards[i]
		t.row(r.Shard, number(r.IngestEnd), number(r.IntakeNext), number(r.InboxEnd), number(r.Next), number(r.Journals), number(r.Booked),
			recorded(r), r.Owner, shardState(r.State, r.Reason, r.SinceMillis, r.RestoredTo, r.RestoreEnd), sweep(r), fmt.Sprintf("%dms", r.TransactionMilliseconds), parkedCount(r.Parked))
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	t = newTable(w, "process", "shard", "next", "end", "state", "parked")
	for _, p := range status.Processes {
		t.row(p.Process, p.Shard, number(p.Next), number(p.End), shardState(p.State, p.Reason, p.SinceMillis, p.RestoredTo, p.RestoreEnd), parkedCount(p.Parked))
	}
	if err := t.flush(); err != nil {
		return err
	}
	printParkedHere(w, status)
	printAwaited(w, status)
	for _, fault := range status.Faults {
		fmt.Fprintln(w, "\nnot known:", fault)
	}
	return nil
}

func parkedCount(p *engine.ParkedStatus) string {
	if p == nil {
		return "-"
	}
	return fmt.Sprintf("%d keys, %d records", p.Keys, p.Records)
}

// printAwaited names the prices that trades wait for: nothing is ever allocated at another day's price, so somebody must send them.
func printAwaited(w io.Writer, status *roles.Status) {
	for i := range status.Awaited {
		a := &status.Awaited[i]
		what, hint := "the close of "+string(a.Asset)+" on "+a.Day, "its vendor has not sent it"
		if a.Parked != "" {
			hint = fmt.Sprintf("%s is parked; see: penstock prices release %s %s %s", a.Parked, a.Asset, a.Day, a.Parked)
		}
		fmt.Fprintf(w, "\nWAITS FOR A PRICE: %s, since %s: trade %s (%s, %d orders, %d confirmations wait); %s\n",
			what, a.Since.UTC().Format(time.RFC3339), a.Trade, a.Side, a.Orders, a.Confirmations, hint)
	}
}

// printParkedHere names some of what is parked in the shards that run here.
func printParkedHere(w io.Writer, status *roles.Status) {
	show := func(process string, p *engine.ParkedStatus) {
		if p == nil {
			return
		}
		for _, k := range p.Longest {
			fmt.Fprintf(w, "\nparked: %s of process %s, %d records; see: penstock parked show %s --process %s\n", k.Key, process, k.Waiting, k.Key, process)
		}
	}
	for i := range status.Shards {
		show(pot.Name, status.Shards[i].Parked)
	}
	for i := range status.Processes {
		show(status.Processes[i].Process, status.Processes[i].Parked)
	}
}

func recorded(r *roles.ShardRow) string {
	if r.RecordedAt == 0 {
		return "-"
	}
	return r.RecordedAt.Time().Format(time.DateTime)
}

func sweep(r *roles.ShardRow) string {
	if r.Sweep == nil {
		return "-"
	}
	return fmt.Sprintf("@%d: %d pots, at %s", r.Sweep.Offset, r.Sweep.Visits, r.Sweep.Cursor)
}

// shardState says what a shard is doing; where it is not simply running, also since when, and how far a restore or a standby is.
func shardState(state engine.State, reason string, sinceMillis, restoredTo, restoreEnd int64) string {
	text := string(state)
	if state == engine.StateRestoring || state == engine.StateStandingBy {
		text += fmt.Sprintf(" %d/%d", restoredTo, restoreEnd)
	}
	if state != engine.StateRunning && state != engine.StateNotOurs && sinceMillis > 0 {
		text += " for " + time.Since(time.UnixMilli(sinceMillis)).Round(time.Second).String()
	}
	if reason != "" {
		text += ": " + reason
	}
	return text
}
