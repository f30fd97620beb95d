package contract_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/schemas/contract"
)

func entries() []contract.Entry {
	return []contract.Entry{
		{Topic: "pot.inbox.v1", Partitions: "shards", Cleanup: "delete", RetentionMillis: -1, Schema: base},
		{Topic: "ingest.price.v1", Partitions: "ingest", Cleanup: "delete", RetentionMillis: 1000, Schema: base},
		{Topic: "pot.state.v1", Partitions: "shards", Cleanup: "compact", RetentionMillis: -1},
	}
}

// locked writes and reads a lock of the entries.
func locked(t *testing.T, e []contract.Entry) []contract.Entry {
	t.Helper()
	text, err := contract.WriteLock(e)
	if err != nil {
		t.Fatal(err)
	}
	read, err := contract.ReadLock(text)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func TestALockAgreesWithWhatItWasWrittenFrom(t *testing.T) {
	if problems := contract.Verify(locked(t, entries()), entries()); len(problems) > 0 {
		t.Errorf("problems are %v", problems)
	}
}

func TestTheLockIsTheSameInAnyOrder(t *testing.T) {
	e := entries()
	one, err := contract.WriteLock(e)
	if err != nil {
		t.Fatal(err)
	}
	e[0], e[2] = e[2], e[0]
	other, err := contract.WriteLock(e)
	if err != nil || !bytes.Equal(one, other) {
		t.Errorf("the lock depends on the order: %v", err)
	}
}

func TestVerifyReportsChanges(t *testing.T) {
	cases := []struct {
		name   string
		change func([]contract.Entry) []contract.Entry
		want   string
		stale  bool
	}{
		{"topic removed", func(e []contract.Entry) []contract.Entry { return e[1:] }, "pot.inbox.v1: the topic was removed", false},
		{"partitions", func(e []contract.Entry) []contract.Entry { e[0].Partitions = "one"; return e }, "from shards to one", false},
		{"cleanup", func(e []contract.Entry) []contract.Entry { e[0].Cleanup = "compact"; return e }, "from delete to compact", false},
		{"shorter retention", func(e []contract.Entry) []contract.Entry { e[1].RetentionMillis = 999; return e }, "shortened", false},
		{"retention no longer for ever", func(e []contract.Entry) []contract.Entry { e[0].RetentionMillis = 999; return e }, "shortened", false},
		{"no longer Avro", func(e []contract.Entry) []contract.Entry { e[0].Schema = ""; return e }, "something else", false},
		{"forbidden schema", func(e []contract.Entry) []contract.Entry {
			e[0].Schema = strings.Replace(base, `"scale":2`, `"scale":4`, 1)
			return e
		}, "pot.inbox.v1 Base.amount: the scale changed", false},
		{"longer retention", func(e []contract.Entry) []contract.Entry { e[1].RetentionMillis = -1; return e }, "allowed way", true},
		{"allowed schema", func(e []contract.Entry) []contract.Entry {
			e[0].Schema = strings.Replace(base, `"fields":[`, `"fields":[{"name":"new","type":"int","default":0},`, 1)
			return e
		}, "allowed way", true},
		{"new topic", func(e []contract.Entry) []contract.Entry {
			return append(e, contract.Entry{Topic: "new.v1", Partitions: "one", Cleanup: "delete", RetentionMillis: -1})
		}, "new.v1: the topic is new", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			problems := contract.Verify(locked(t, entries()), c.change(entries()))
			if len(problems) != 1 || !strings.Contains(problems[0].String(), c.want) || problems[0].Stale != c.stale {
				t.Errorf("problems are %v, want one about %q", problems, c.want)
			}
		})
	}
}

func TestDescriptionsAreNotInTheLock(t *testing.T) {
	e := entries()
	e[0].Schema = strings.Replace(base, `"name":"amount"`, `"name":"amount", "doc":"An amount."`, 1)
	if problems := contract.Verify(locked(t, entries()), e); len(problems) > 0 {
		t.Errorf("problems are %v", problems)
	}
}

func TestALockEditedByHandIsRefused(t *testing.T) {
	text, err := contract.WriteLock(entries())
	if err != nil {
		t.Fatal(err)
	}
	for _, edit := range []struct{ old, next, want string }{
		{`"scale": 2`, `"scale": 4`, "fingerprint"},
		{`"version": 1`, `"version": 2`, "version"},
		{`"cleanup"`, `"clean"`, "unknown field"},
	} {
		edited := bytes.Replace(text, []byte(edit.old), []byte(edit.next), 1)
		if bytes.Equal(edited, text) {
			t.Fatalf("%s is not in the lock", edit.old)
		}
		if _, err := contract.ReadLock(edited); err == nil || !strings.Contains(err.Error(), edit.want) {
			t.Errorf("after %s the error is %v", edit.next, err)
		}
	}
}

func TestATopicTwiceIsRefused(t *testing.T) {
	if _, err := contract.WriteLock(append(entries(), entries()[0])); err == nil {
		t.Error("the lock was written")
	}
}

func TestNormalisingKeepsMeaning(t *testing.T) {
	got, err := contract.Normalise(`{"type" : "record","name":"R","doc":"d","fields":[
		{"type":{"type":"record","name":"I","fields":[{"name":"doc","type":"string","doc":"x"}]},"name":"f","default":{"doc":"kept"}}]}`)
	const want = `{"fields":[{"default":{"doc":"kept"},"name":"f","type":{"fields":[{"name":"doc","type":"string"}],"name":"I","type":"record"}}],"name":"R","type":"record"}`
	if err != nil || got != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}
