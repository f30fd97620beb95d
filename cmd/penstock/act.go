package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// act is something that an operator does by hand, with a reason.
type act struct {
	target
	operator, reason string
	execute          bool
}

func (a *act) flags(cmd *cobra.Command) {
	a.target.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&a.operator, "operator", "", "who acts (required)")
	f.StringVar(&a.reason, "reason", "", "why (required)")
	f.BoolVar(&a.execute, "execute", false, "act; without it the plan is printed")
	_ = cmd.MarkFlagRequired("operator")
	_ = cmd.MarkFlagRequired("reason")
}

// planned ends what is printed of a plan, and says whether it is to be carried out.
func (a *act) planned(out io.Writer) bool {
	if !a.execute {
		fmt.Fprintln(out, "nothing was done; add --execute to do it")
	}
	return a.execute
}

// operation is the act as it is sent. The same act again has the same id.
func (a *act) operation(body ingest.OperationBody) *ingest.Operation {
	operation := &ingest.Operation{Operator: schemas.SourceID(a.operator), Reason: a.reason, Body: body}
	operation.ID = schemas.DeriveID("operation", a.operator, string(operation.AppendAvro(nil))).String()
	return operation
}

func (a *act) send(ctx context.Context, operation *ingest.Operation) error {
	connection, err := a.connection(ctx)
	if err != nil {
		return err
	}
	registry, err := a.registryOf(ctx, connection)
	if err != nil {
		return err
	}
	return sendOperation(ctx, connection, registry, operation)
}

// sendOperation writes what an operator does to where intake reads it.
func sendOperation(ctx context.Context, connection feed.Connection, registry *feed.Registry, operation *ingest.Operation) error {
	producer, err := feed.NewProducer(connection)
	if err != nil {
		return err
	}
	defer producer.Close()
	value := operation.AppendAvro(registry.Frame(streams.IngestOperator, nil))
	_, err = producer.Send(ctx, feed.Message{Topic: streams.IngestOperator, Key: operation.ID, Value: value})
	return err
}

// parseDay reads a date that an operator typed.
func parseDay(text string) (schemas.Date, error) {
	day, err := schemas.ParseDate(text)
	if err != nil {
		return 0, fmt.Errorf("%w; write it as 2008-04-18", err)
	}
	return day, nil
}
