package main

import (
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

// signing are the flags of `ledger anchor`.
type signing struct {
	target
	file, keyFile string
	verify, json  bool
	begin         bool
	every         time.Duration
	metrics, name string
}

func newLedgerAnchor() *cobra.Command {
	var s signing
	cmd := &cobra.Command{
		Use:   "anchor",
		Short: "Sign what the ledger's hash chains have come to, into a file outside of the database",
		Long: `Reads the head of each shard's chain, and what became of external trades, and adds that, signed, as one line to a file. Do so once a day, and keep the
file where who can change the database cannot: then also a chain that was made anew as a whole is found (penstock ledger verify --anchors). With --verify
everything that came since the last line is checked first (with no line yet, the whole ledger), and where a check fails nothing is signed: so where every line was
added with --verify, an incremental verification goes on from what was verified. A file that is not by the same key, or that knows more than the ledger has, is
refused. The key is Ed25519 in PEM: openssl genpkey -algorithm ed25519 -out anchor.key.

With --every it goes on by itself until it is interrupted: each period, such as a day of UTC with 24h, gets one line, at once where it has none yet. What has been
signed it reads off the file, so it may be restarted at any time; where there is no file it waits, for a disk may not be mounted, unless it is told to --begin. It says what keeps it from signing (a database or a file that is away, a check that fails), and
tries again. With --metrics-addr it answers /healthz, /metrics and, for penstock status --api, /status.`,
		Example: `  penstock ledger anchor --verify --file heads.jws --key anchor.key
  penstock ledger anchor --every 24h --verify --file heads.jws --key anchor.key --metrics-addr 127.0.0.1:9601 --begin   # later without --begin`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	s.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&s.file, "file", "", "the file to add to; it is made where there is none, with --every only where it is told to --begin")
	f.StringVar(&s.keyFile, "key", "", "private key, in PEM")
	f.BoolVar(&s.verify, "verify", false, "check first what came since the last line of the file, and sign nothing where a check fails")
	f.BoolVar(&s.json, "json", false, "print JSON")
	f.DurationVar(&s.every, "every", 0, "go on, with one line for each period of this length: 24h, days, or a part of a day such as 8h")
	f.BoolVar(&s.begin, "begin", false, "with --every: make the file where there is none, or none with a line")
	f.StringVar(&s.metrics, "metrics-addr", "", "with --every: host:port of /healthz, /metrics and /status")
	f.StringVar(&s.name, "name", hostName(), "with --every: name of this instance in its status")
	f.Lookup("name").DefValue = "" // it differs by machine
	cmd.MarkFlagsMutuallyExclusive("json", "every")
	for _, name := range []string{"file", "key"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // it is defined above
		}
	}
	return cmd
}

func (s *signing) run(cmd *cobra.Command) error {
	goesOn := cmd.Flags().Changed("every")
	for _, name := range []string{"metrics-addr", "name", "begin"} {
		if cmd.Flags().Changed(name) && !goesOn {
			return fmt.Errorf("--%s goes only with --every", name)
		}
	}
	text, err := os.ReadFile(s.keyFile)
	if err != nil {
		return fmt.Errorf("reading the key: %w", err)
	}
	key, err := anchor.ParsePrivateKey(text)
	if err != nil {
		return fmt.Errorf("reading the key %s: %w", s.keyFile, err)
	}
	pool, err := s.auditor(cmd.Context())
	if err != nil {
		return err
	}
	defer pool.Close()
	if goesOn {
		return s.goOn(cmd, pool, key)
	}
	return s.once(cmd, pool, key)
}

// once adds a line.
func (s *signing) once(cmd *cobra.Command, pool *pgxpool.Pool, key ed25519.PrivateKey) error {
	a, err := postgres.TakeAnchor(cmd.Context(), pool)
	if err != nil {
		return err
	}
	if s.verify {
		public, _ := key.Public().(ed25519.PublicKey) // it is of no other type
		anchors, err := anchor.ReadFile(s.file, public)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := verifyBefore(cmd, pool, anchors); err != nil {
			return err
		}
	}
	if err := anchor.Append(s.file, key, a); err != nil {
		return err
	}
	if s.json {
		return printJSON(cmd.OutOrStdout(), a)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "signed %d heads over %d journals at %s\n", len(a.Heads), a.Journals(), a.TakenAt.Format(time.RFC3339))
	return nil
}

// verifyBefore checks what came since the last anchor, or the whole ledger where there is none. The anchor that is to be added was taken before: what
// it signs is not more than what is checked here.
func verifyBefore(cmd *cobra.Command, pool *pgxpool.Pool, anchors []anchor.Anchor) error {
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
	anchors, err := anchor.ReadFile(file, key)
	if err == nil && len(anchors) == 0 {
		err = fmt.Errorf("there is no anchor in %s", file)
	}
	return anchors, err
}
