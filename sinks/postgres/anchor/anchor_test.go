package anchor_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

func keys(seed byte) (ed25519.PublicKey, ed25519.PrivateKey) {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return private.Public().(ed25519.PublicKey), private //nolint:forcetypeassert // it is of no other type
}

func at(day int, sequences ...int64) *anchor.Anchor {
	a := &anchor.Anchor{Cluster: "c", TakenAt: time.Date(2008, 3, day, 18, 0, 0, 0, time.UTC)}
	for shard, sequence := range sequences {
		a.Heads = append(a.Heads, anchor.Head{Shard: int32(shard), Sequence: sequence, Hash: "00"}) //nolint:gosec // a few
	}
	return a
}

// written returns the path of a file with three anchors.
func written(t *testing.T) string {
	t.Helper()
	_, private := keys(1)
	path := filepath.Join(t.TempDir(), "heads")
	for day, sequences := range [][]int64{{1, 2}, {1, 2}, {5, 2}} {
		if err := anchor.Append(path, private, at(day+1, sequences...)); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
}

func TestWhatWasAppendedIsRead(t *testing.T) {
	public, _ := keys(1)
	anchors, err := anchor.Read(strings.NewReader(strings.Join(lines(t, written(t)), "")), public)
	if err != nil || len(anchors) != 3 {
		t.Fatalf("%d anchors, %v", len(anchors), err)
	}
	if a := anchors[2]; a.Heads[0].Sequence != 5 || !a.TakenAt.Equal(at(3).TakenAt) || a.Previous == "" || anchors[0].Previous != "" {
		t.Errorf("the last anchor is %+v", a)
	}
}

func TestAForgedFileIsRefused(t *testing.T) {
	public, _ := keys(1)
	other, stranger := keys(2)
	good := lines(t, written(t))
	foreign := filepath.Join(t.TempDir(), "heads")
	if err := anchor.Append(foreign, stranger, at(1, 1, 2)); err != nil {
		t.Fatal(err)
	}
	middle := strings.Split(good[1], ".")
	for name, c := range map[string]struct {
		text string
		key  ed25519.PublicKey
	}{
		"another key":          {strings.Join(good, ""), other},
		"a line by a stranger": {lines(t, foreign)[0], public},
		"a missing first line": {good[1] + good[2], public},
		"a missing line":       {good[0] + good[2], public},
		"swapped lines":        {good[0] + good[2] + good[1], public},
		"a doubled line":       {good[0] + good[0], public},
		"another payload":      {good[0] + middle[0] + "." + strings.Split(good[2], ".")[1] + "." + middle[2], public},
		"another algorithm":    {strings.Replace(good[0], strings.Split(good[0], ".")[0], "eyJhbGciOiJub25lIn0", 1), public},
		"no signature at all":  {"hello\n", public},
	} {
		t.Run(name, func(t *testing.T) {
			if anchors, err := anchor.Read(strings.NewReader(c.text), c.key); !errors.Is(err, anchor.ErrForged) {
				t.Errorf("%d anchors, %v", len(anchors), err)
			}
		})
	}
}

func TestAnAnchorThatDoesNotFollowIsRefused(t *testing.T) {
	_, private := keys(1)
	_, stranger := keys(2)
	path := written(t)
	before := lines(t, path)
	another := at(4, 5, 2)
	another.Cluster = "d"
	anew := at(4, 5, 2)
	anew.Heads[1].Hash = "01"
	for name, err := range map[string]error{
		"a shard that went back": anchor.Append(path, private, at(4, 4, 2)),
		"a chain made anew":      anchor.Append(path, private, anew),
		"another ledger":         anchor.Append(path, private, another),
		"fewer shards":           anchor.Append(path, private, at(4, 5)),
		"another key":            anchor.Append(path, stranger, at(4, 5, 2)),
	} {
		if err == nil {
			t.Errorf("%s was added", name)
		}
	}
	if len(lines(t, path)) != len(before) {
		t.Error("what was refused was written")
	}
	if err := os.WriteFile(path, []byte(strings.Join(before, "")[:40]), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := anchor.Append(path, private, at(4, 5, 2)); err == nil {
		t.Error("a torn line was continued")
	}
}

// Lines may stand between that tell of no trades: they hide nothing of what was signed before.
func TestAnAnchorWhoseTradesWentBackIsRefused(t *testing.T) {
	_, private := keys(1)
	for name, c := range map[string]struct {
		trades  *anchor.Trades
		refused bool
	}{
		"as many as before": {&anchor.Trades{Events: 6, Through: 81}, false},
		"more than before":  {&anchor.Trades{Events: 7, Through: 82}, false},
		"none told":         {nil, false},
		"fewer events":      {&anchor.Trades{Events: 5, Through: 81}, true},
		"an offset before":  {&anchor.Trades{Events: 6, Through: 80}, true},
		"another digest":    {&anchor.Trades{Events: 6, Through: 81, Digest: "01"}, true},
		"one more before":   {&anchor.Trades{Events: 7, Through: 81}, true},
	} {
		for between := range 3 {
			path := filepath.Join(t.TempDir(), "heads")
			first, last := at(1, 1, 2), at(2, 1, 2)
			first.Trades, last.Trades = &anchor.Trades{Events: 6, Through: 81}, c.trades
			if err := anchor.Append(path, private, first); err != nil {
				t.Fatal(err)
			}
			for range between {
				if err := anchor.Append(path, private, at(1, 1, 2)); err != nil {
					t.Fatal(err)
				}
			}
			if err := anchor.Append(path, private, last); (err != nil) != c.refused {
				t.Errorf("%s, with %d lines without trades between: %v", name, between, err)
			}
		}
	}
}

func TestKeysAreReadAsOpenSSLWritesThem(t *testing.T) {
	public, private := keys(1)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	known, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := anchor.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})); err != nil || !got.Equal(private) {
		t.Errorf("the private key: %v", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: known})
	if got, err := anchor.ParsePublicKey(text); err != nil || !got.Equal(public) {
		t.Errorf("the public key: %v", err)
	}
	if _, err := anchor.ParsePrivateKey(text); err == nil {
		t.Error("a public key was read as a private one")
	}
	if _, err := anchor.ParsePublicKey([]byte("x")); err == nil {
		t.Error("something was read as a key")
	}
}
