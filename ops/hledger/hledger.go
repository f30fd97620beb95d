// Package hledger writes journals in the language of hledger (https://hledger.org), a program for plain-text accounting that knows nothing of
// Penstock: whoever doubts our sums can have them done again by it.
package hledger

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// ErrUnsayable is returned for an asset or a pot whose name hledger cannot read.
var ErrUnsayable = errors.New("hledger has no way to write that name")

// Writer writes journals. Close writes what is left.
type Writer struct{ out *bufio.Writer }

// NewWriter begins a file.
func NewWriter(w io.Writer) *Writer {
	out := bufio.NewWriter(w)
	// bufio keeps the first error and returns it from Flush.
	fmt.Fprintf(out, "; Written by penstock ledger export. A transaction is what one journal books for one day.\n\n")
	return &Writer{out}
}

// Add writes a journal: a transaction for each effective day that it books for, in the order of its postings.
func (w *Writer) Add(j *ledger.Journal) error {
	last := schemas.Date(-1)
	for i := range j.Postings {
		p := &j.Postings[i]
		commodity, err := Commodity(p.Asset)
		if err != nil {
			return err
		}
		from, to := Account(j.Pot, j.Shard, p.From), Account(j.Pot, j.Shard, p.To)
		if strings.ContainsFunc(from+to, func(r rune) bool { return r == ';' || r < ' ' }) {
			return fmt.Errorf("%w: accounts %s and %s", ErrUnsayable, from, to)
		}
		if i == 0 || p.EffectiveOn != last {
			last = p.EffectiveOn
			fmt.Fprintf(w.out, "%s (%d/%d) %s\n", p.EffectiveOn, j.Shard, j.Sequence, p.Stage)
			fmt.Fprintf(w.out, "    ; journal:%s, recorded:%s\n", j.ID, j.RecordedAt)
		}
		fmt.Fprintf(w.out, "    %s  %s %s\n    %s  -%s %s\n", to, p.Quantity, commodity, from, p.Quantity, commodity)
	}
	_, err := fmt.Fprintln(w.out)
	return err
}

// Close writes what is left.
func (w *Writer) Close() error { return w.out.Flush() }

// Account names an account: those of a pot by the pot, those of the outside world by the shard that books them.
func Account(pot *schemas.PotID, shard int32, account schemas.Account) string {
	if rest, ofPot := strings.CutPrefix(string(account), "pot:"); ofPot && pot != nil {
		return "pot/" + string(*pot) + ":" + rest
	}
	return fmt.Sprintf("shard-%d:%s", shard, account)
}

// Commodity names an asset in quotes, for its code may have digits.
func Commodity(asset schemas.AssetCode) (string, error) {
	if strings.ContainsAny(string(asset), "\";\n") {
		return "", fmt.Errorf("%w: asset %s", ErrUnsayable, asset)
	}
	return `"` + string(asset) + `"`, nil
}
