package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/engine"
)

// runEngine runs the topology on this project's engine, with its defaults.
func runEngine(ctx context.Context, j job) error {
	process := streams.Process{
		Name: j.Name, Inbox: streams.Topic{Name: j.Input}, Outputs: []streams.Topic{{Name: j.Output}},
		Table:      streams.Changelog(j.Name, streams.WidthShards, ""),
		NewHandler: func(streams.Framing) streams.Handler { return counter{j.Output} },
	}
	return engine.Run(ctx, engine.Config{
		Processes: []streams.Process{process}, Shards: partitions, Kafka: []kgo.Opt{kgo.SeedBrokers(j.Broker)}, Framing: unframed{}, Dir: j.Dir,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
}

// counter is the topology as a handler.
type counter struct{ output string }

func (counter) Restore(_, _ []byte) error                            { return nil }
func (counter) Dropped(*streams.Scope, *streams.Route, []byte) error { return nil }
func (counter) Tally() []byte                                        { return nil }
func (counter) Tags([]byte) ([]string, error)                        { return nil, nil }
func (counter) Close(*streams.Scope, *streams.Route) ([]byte, error) { return nil, nil }

func (counter) Route(r *streams.Record) (streams.Route, error) {
	return streams.Route{Key: r.Key, ReceivedAt: r.Timestamp}, nil
}

func (c counter) Decide(scope *streams.Scope, route *streams.Route, key string, state []byte) (streams.Change, error) {
	scope.Emit(c.output, key, route.Record.Value)
	return streams.Change{State: increment(state)}, nil
}

// unframed is a framing of nothing: the other candidates have no registry either.
type unframed struct{}

func (unframed) Frame(_ string, b []byte) []byte { return b }

func (unframed) Unframe(_ context.Context, _ string, framed []byte) ([]byte, error) {
	return framed, nil
}
