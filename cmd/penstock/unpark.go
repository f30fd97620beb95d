package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/parked"
	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// unparkWait is how long an operator waits for the answer unless --wait says otherwise.
const unparkWait = 30 * time.Second

// unparking is an operator's word on a parked key.
type unparking struct {
	parkedKey
	operator, reason string
	execute, json    bool
	wait             time.Duration
	// drop is the offset of the record to be dropped; nil releases the key.
	drop *int64
}

// unparked is what became of it. Its JSON form is an interface.
type unparked struct {
	Process string `json:"process"`
	Key     string `json:"key"`
	// Done says that the key was released, or the record dropped. Executed says that it was asked for.
	Executed bool `json:"executed"`
	Done     bool `json:"done"`
	// Remaining is the number of records that still wait; -1 while nobody has answered.
	Remaining int64 `json:"remaining"`
	// Fault says why it was not done.
	Fault string `json:"fault,omitempty"`
}

func newParkedRelease() *cobra.Command {
	var u unparking
	cmd := &cobra.Command{
		Use:   "release KEY",
		Short: "Decide the records that wait for a parked key, in order",
		Long: `Prints what would happen, and acts only with --execute. Release a key when the cause is mended: a record that fails again parks the key
again, with all that is left, and nothing is lost by it. An instruction whose day was closed meanwhile deals on the next day.`,
		Example: `  penstock parked release p1 --reason "mended by release 2.4.1" --execute`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			u.key = args[0]
			return u.run(cmd)
		},
	}
	u.flags(cmd)
	return cmd
}

func newParkedDrop() *cobra.Command {
	var u unparking
	cmd := &cobra.Command{
		Use:   "drop KEY OFFSET",
		Short: "Drop one record that waits for a parked key, undecided",
		Long: `Prints what would happen, and acts only with --execute. The sender is told that an operator dropped it. The others stay parked until the key is
released; with the last record the key is parked no more. A control record of the shard, such as the price of a batch, can never be dropped.`,
		Example: `  penstock parked drop p1 4711 --reason "a test record that should never have been sent" --execute`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			offset, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil || offset < 0 {
				return fmt.Errorf("offset %q: write it as penstock parked show prints it after the @", args[1])
			}
			u.key, u.drop = args[0], &offset
			return u.run(cmd)
		},
	}
	u.flags(cmd)
	return cmd
}

func (u *unparking) flags(cmd *cobra.Command) {
	u.parkedKey.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&u.operator, "operator", "", "who acts (default: your user name)")
	f.StringVar(&u.reason, "reason", "", "why (required)")
	f.BoolVar(&u.execute, "execute", false, "act; without it the plan is printed")
	f.DurationVar(&u.wait, "wait", unparkWait, "how long to wait for the answer")
	f.BoolVar(&u.json, "json", false, "print JSON")
	_ = cmd.MarkFlagRequired("reason")
}

func (u *unparking) run(cmd *cobra.Command) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	if u.operator == "" {
		me, err := user.Current()
		if err != nil {
			return fmt.Errorf("finding your user name: %w; say --operator", err)
		}
		u.operator = me.Username
	}
	k, connection, registry, err := u.find(ctx)
	if err != nil {
		return err
	}
	plan, err := u.plan(ctx, connection, registry, k)
	if err != nil {
		return err
	}
	answer := unparked{Process: u.process, Key: u.key, Remaining: -1}
	if !u.json {
		if _, err := io.WriteString(out, plan); err != nil {
			return err
		}
	}
	if u.execute {
		answer.Executed = true
		if err := u.ask(ctx, connection, registry, k, &answer); err != nil {
			return err
		}
	}
	return u.print(out, &answer)
}

func (u *unparking) print(out io.Writer, answer *unparked) error {
	switch {
	case u.json:
		if err := printJSON(out, answer); err != nil {
			return err
		}
	case !u.execute:
		fmt.Fprintln(out, "nothing was done; add --execute to do it")
	case answer.Done:
		fmt.Fprintf(out, "done; %d records wait\n", answer.Remaining)
	}
	if answer.Fault != "" {
		return errors.New(answer.Fault)
	}
	return nil
}

// plan says what would happen, or why it cannot.
func (u *unparking) plan(ctx context.Context, connection feed.Connection, registry *feed.Registry, k *parked.Key) (string, error) {
	var text bytes.Buffer
	if u.drop == nil {
		fmt.Fprintf(&text, "release %s of process %s, by %s: %s\n%d records are decided in order, the first at @%d; it failed %d times: %s\n",
			u.key, u.process, u.operator, u.reason, len(k.Records), k.Records[0].Offset, k.Attempts, k.Reason)
		return text.String(), nil
	}
	for _, r := range k.Records {
		if r.Offset != *u.drop {
			continue
		}
		if r.Control {
			return "", fmt.Errorf("@%d is a control record of the shard: without this key's part of it money would be lost; release the key instead", r.Offset)
		}
		records, err := readParked(ctx, connection, registry, []parked.Record{r})
		if err != nil {
			return "", err
		}
		if u.process == dealing.Name && bytes.Contains(records[0].Value, []byte(`"ShardTotal"`)) {
			return "", fmt.Errorf("@%d is a shard's total: without it the batch would never be complete; release the trade instead", r.Offset)
		}
		fmt.Fprintf(&text, "drop @%d of %s of process %s, by %s: %s\n", r.Offset, u.key, u.process, u.operator, u.reason)
		err = printRecord(&text, &records[0], false)
		return text.String(), err
	}
	return "", fmt.Errorf("no record @%d waits for %s; see: penstock parked show %s", *u.drop, u.key, u.key)
}

// ask sends the word and follows the history until it is answered.
func (u *unparking) ask(ctx context.Context, connection feed.Connection, registry *feed.Registry, k *parked.Key, answer *unparked) error {
	reader, err := feed.NewReader(connection, warnings())
	if err != nil {
		return err
	}
	defer reader.Close()
	ends, err := reader.EndOffsets(ctx, streams.AuditParked)
	if err != nil {
		return err
	}
	for place, end := range ends {
		reader.Add(feed.Position{Place: place, Offset: end})
	}
	if err := u.send(ctx, connection, registry); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, u.wait)
	defer cancel()
	for {
		batches, err := reader.Poll(waiting)
		if err != nil && waiting.Err() == nil {
			return err
		}
		for i := range batches {
			for n := range batches[i].Records {
				event, err := parkedEvent(ctx, registry, &batches[i].Records[n])
				if err != nil {
					return err
				}
				if event.Process == u.process && event.Key == u.key && answer.take(event, u) {
					return nil
				}
			}
		}
		if waiting.Err() != nil {
			answer.Fault = fmt.Sprintf("it was sent, but %s has not answered within %s: does the process run, and its shard %d? see: penstock parked list", u.process, u.wait, k.Shard)
			return nil
		}
	}
}

// take reads an event of the key and says whether it is the last that matters.
func (a *unparked) take(event *audit.Parked, u *unparking) bool {
	switch body := event.Body.(type) {
	case *audit.Released:
		a.Remaining = body.Remaining
		a.Done = u.drop == nil && body.Remaining == 0
	case *audit.Dropped:
		if u.drop != nil && body.Offset == *u.drop {
			a.Done, a.Remaining = true, body.Remaining
		}
	case *audit.Refused:
		a.Fault = "refused: " + body.Refusal
	case *audit.RecordParked:
		if u.drop == nil && body.Position == 0 {
			a.Fault = fmt.Sprintf("%s is parked again: @%d could not be decided: %s", u.key, body.Offset, body.Reason)
		}
	}
	return a.Done || a.Fault != ""
}

func (u *unparking) send(ctx context.Context, connection feed.Connection, registry *feed.Registry) error {
	operation := &ingest.Operation{Operator: schemas.SourceID(u.operator), ID: uuid.NewString(), Reason: u.reason}
	if u.drop == nil {
		operation.Body = &ingest.ParkedRelease{Process: u.process, Key: u.key}
	} else {
		operation.Body = &ingest.ParkedDrop{Process: u.process, Key: u.key, Offset: *u.drop}
	}
	return sendOperation(ctx, connection, registry, operation)
}
