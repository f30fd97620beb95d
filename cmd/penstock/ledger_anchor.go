package main

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

func newLedgerAnchor() *cobra.Command {
	var t target
	var file, keyFile string
	var verify, asJSON bool
	cmd := &cobra.Command{
		Use:   "anchor",
		Short: "Sign what the ledger's hash chains have come to, into a file outside of the database",
		Long: `Reads the head of each shard's chain, and what became of external trades, and adds that, signed, as one line to a file. Run it once a day, and keep the
file where who can change the database cannot: then also a chain that was made anew as a whole is found (penstock ledger verify --anchors). With --verify everything
that came since the last line is checked first (with no line yet, the whole ledger), and where a check fails nothing is signed: so where every line was added with
--verify, an incremental verification goes on from what was verified. A file that is not by the same key, or that knows more than the ledger has, is refused. The
key is Ed25519 in PEM: openssl genpkey -algorithm ed25519 -out anchor.key.`,
		Example: "  penstock ledger anchor --verify --file heads.jws --key anchor.key",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := os.ReadFile(keyFile) //nolint:gosec // the operator names the file
			if err != nil {
				return fmt.Errorf("reading the key: %w", err)
			}
			key, err := anchor.ParsePrivateKey(text)
			if err != nil {
				return fmt.Errorf("reading the key %s: %w", keyFile, err)
			}
			pool, err := t.auditor(cmd.Context())
			if err != nil {
				return err
			}
			defer pool.Close()
			a, err := postgres.TakeAnchor(cmd.Context(), pool)
			if err != nil {
				return err
			}
			if verify {
				if err := verifyBefore(cmd, pool, file, key); err != nil {
					return err
				}
			}
			if err := anchor.Append(file, key, a); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), a)
			}
			journals := int64(0)
			for _, head := range a.Heads {
				journals += head.Sequence
			}
			fmt.Fprintf(cmd.OutOrStdout(), "signed %d heads over %d journals at %s\n", len(a.Heads), journals, a.TakenAt.Format(time.RFC3339))
			return nil
		},
	}
	t.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&file, "file", "", "the file to add to; it is made where there is none")
	f.StringVar(&keyFile, "key", "", "private key, in PEM")
	f.BoolVar(&verify, "verify", false, "check first what came since the last line of the file, and sign nothing where a check fails")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	for _, name := range []string{"file", "key"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // it is defined above
		}
	}
	return cmd
}

// verifyBefore checks what came since the last anchor in the file, or the whole ledger where there is none. The anchor that is to be added was taken before: what
// it signs is not more than what is checked here.
func verifyBefore(cmd *cobra.Command, pool *pgxpool.Pool, file string, key ed25519.PrivateKey) error {
	public, _ := key.Public().(ed25519.PublicKey) // it is of no other type
	anchors, err := anchorsIn(file, public)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	show, finish := progress(cmd, "verifying journals")
	report, err := postgres.Verify(cmd.Context(), pool, postgres.VerifyOptions{Anchors: anchors, Incremental: len(anchors) > 0}, show)
	finish()
	if err != nil || report.OK() {
		return err
	}
	return errors.Join(printReport(cmd.OutOrStdout(), report), errors.New("the ledger is not as it must be, so nothing was signed; each finding is told above"))
}

// readAnchors reads a file of anchors, or nothing where none is named.
func readAnchors(file, keyFile string) ([]anchor.Anchor, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(keyFile) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	key, err := anchor.ParsePublicKey(text)
	if err != nil {
		return nil, fmt.Errorf("reading the key %s: %w", keyFile, err)
	}
	anchors, err := anchorsIn(file, key)
	if err == nil && len(anchors) == 0 {
		err = fmt.Errorf("there is no anchor in %s", file)
	}
	return anchors, err
}

// anchorsIn reads what is in a file of anchors.
func anchorsIn(file string, key ed25519.PublicKey) ([]anchor.Anchor, error) {
	lines, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("reading the anchors: %w", err)
	}
	anchors, err := anchor.Read(bytes.NewReader(lines), key)
	if err != nil {
		return nil, fmt.Errorf("reading the anchors in %s: %w", file, err)
	}
	return anchors, nil
}
