package engine

import (
	"context"
	"crypto/sha256"
	"fmt"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
)

// sorter is a process that reads anything: it has no states, and sends on what it could read and says what it could not.
type sorter struct{}

func (sorter) Restore(_, _ []byte) error                            { return nil }
func (sorter) Dropped(*streams.Scope, *streams.Route, []byte) error { return nil }
func (sorter) Tally() []byte                                        { return nil }
func (sorter) Tags([]byte) ([]string, error)                        { return nil, nil }
func (sorter) Close(*streams.Scope, *streams.Route) ([]byte, error) { return nil, nil }
func (sorter) Route(r *streams.Record) (streams.Route, error) {
	return streams.Route{ReceivedAt: r.Timestamp, Message: r}, nil
}

func (sorter) Decide(scope *streams.Scope, route *streams.Route, key string, state []byte) (streams.Change, error) {
	if key != "" || state != nil {
		return streams.Change{}, fmt.Errorf("key %q and state %q", key, state)
	}
	scope.Chain.Sequence++
	scope.Emit(sampleOut, route.Record.Key, sortLine(route.Record, scope.Chain.Sequence))
	return streams.Change{}, nil
}

func sortLine(r *streams.Record, sequence int64) []byte {
	return fmt.Appendf(nil, "%d %s %d %x %v", sequence, r.Value, r.Size, r.Digest[:4], r.Unreadable)
}

func TestAProcessThatReadsAnythingIsHandedEverything(t *testing.T) {
	process := sampleProcess()
	process.ReadsAnything, process.TagsVersion = true, ""
	process.NewHandler = func(streams.Framing) streams.Handler { return sorter{} }
	f := newFixtureOf(t, process, 1)
	unreadable := &streams.Unreadable{Code: "sample/frame", Reason: "no mark in " + sampleInbox}
	want := []string{}
	for n, value := range []string{"\x7fgood", "bad", "", "\x7f", "!"} {
		record := &kgo.Record{Topic: sampleInbox, Key: []byte("some key"), Value: []byte(value)}
		must(t, f.client.ProduceSync(context.Background(), record).FirstErr())
		f.sent[0] = append(f.sent[0], record)
		r := &streams.Record{Size: len(value), Digest: sha256.Sum256([]byte(value)), Unreadable: unreadable}
		if value != "" && value[0] == frameMark {
			r.Value, r.Unreadable = []byte(value[1:]), nil
		}
		want = append(want, string(sortLine(r, int64(n+1))))
	}
	i := f.start()
	f.caughtUp(i)
	i.stop()
	got := []string{}
	for _, r := range f.readAll(sampleOut)[0] {
		got = append(got, string(r.Value))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("outputs are\n%q\nnot\n%q", got, want)
	}
}
