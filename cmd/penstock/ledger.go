package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

func newLedger() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ledger",
		GroupID: groupLook,
		Short:   "Verify the ledger in Postgres, read balances as of any time, export",
		Example: "  penstock ledger verify\n  penstock ledger balances --effective 2008-03-31",
	}
	cmd.AddCommand(newLedgerVerify(), newLedgerAnchor(), newLedgerBalances(), newLedgerExport(), newLedgerLoad(), newLedgerDrop(), newLedgerHash())
	return cmd
}

// auditor opens the ledger's database for reading.
func (t *target) auditor(ctx context.Context) (*pgxpool.Pool, error) {
	return t.ledgerAs(ctx, postgres.RoleAuditor)
}

// ledgerAs opens the ledger's database with the rights of a role.
func (t *target) ledgerAs(ctx context.Context, role postgres.Role) (*pgxpool.Pool, error) {
	url := t.postgres
	if url == "" && t.config != "" {
		config, err := readConfig(t.config)
		if err != nil {
			return nil, err
		}
		url = config.PostgresURL
	}
	if url == "" {
		e, err := t.endpoints()
		if err != nil {
			return nil, err
		}
		url = e.Postgres
	}
	return postgres.OpenPool(ctx, url, role)
}

func newLedgerVerify() *cobra.Command {
	var t target
	var asJSON bool
	var options postgres.VerifyOptions
	var anchors, publicKey string
	var archives []string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check every invariant on what is booked, believing no running total",
		Long: `Reads the whole ledger: hash chains, sequences, running balances, sums of all accounts, what is called
complete, trades and what was settled of them. With --at-rest it also checks what holds only
while nothing is under way. With --anchors it compares the chains with what was signed of them (penstock ledger anchor), which shows a chain that was made anew
as a whole; --incremental then reads only what came after the last anchor. With --archive it checks folders that penstock ledger export --format csv wrote, in
the order given, and needs no database: files, hash chains, months, totals, that each goes on where the one before ended; and with --anchors that what was signed of
their months is there, which alone shows journals that were cut off at either end. The exit status is 1 when a check fails.`,
		Example: `  penstock ledger verify
  penstock ledger verify --at-rest --json
  penstock ledger verify --anchors heads.jws --public-key anchor.pub --incremental
  penstock ledger verify --archive ledger-2008-q1 --archive ledger-2008-q2`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if options.Anchors, err = readAnchors(anchors, publicKey); err != nil {
				return err
			}
			if len(archives) > 0 {
				return printArchives(cmd, archives, options.Anchors, asJSON)
			}
			pool, err := t.auditor(cmd.Context())
			if err != nil {
				return err
			}
			defer pool.Close()
			show, finish := progress(cmd, "verifying journals")
			report, err := postgres.Verify(cmd.Context(), pool, options, show)
			finish()
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), report)
			} else {
				err = printReport(cmd.OutOrStdout(), report)
			}
			if err == nil && !report.OK() {
				err = errors.New("the ledger is not as it must be; each finding is told above")
			}
			return err
		},
	}
	t.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&options.AtRest, "at-rest", false, "nothing is under way: check also what holds only then")
	f.StringVar(&anchors, "anchors", "", "compare with the signed heads in this file")
	f.StringVar(&publicKey, "public-key", "", "public key of the anchors, in PEM")
	f.BoolVar(&options.Incremental, "incremental", false, "read only what came after the last anchor")
	f.StringArrayVar(&archives, "archive", nil, "check this folder of exported months instead of the database; may be repeated")
	cmd.MarkFlagsRequiredTogether("anchors", "public-key")
	cmd.MarkFlagsMutuallyExclusive("archive", "at-rest")
	cmd.MarkFlagsMutuallyExclusive("archive", "incremental")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printReport(w io.Writer, report *postgres.Report) error {
	for i := range report.Checks {
		c := &report.Checks[i]
		verdict := "ok  "
		if !c.OK() {
			verdict = "FAIL"
		}
		fmt.Fprintf(w, "%s  %s: %s (%d %s)\n", verdict, c.Name, c.Title, c.Checked, c.Of)
		if c.Note != "" {
			fmt.Fprintf(w, "      %s\n", c.Note)
		}
		for _, f := range c.Findings {
			fmt.Fprintf(w, "      %s: %s\n", f.Place, f.Detail)
		}
		if more := c.Failed - int64(len(c.Findings)); more > 0 {
			fmt.Fprintf(w, "      and %d more\n", more)
		}
	}
	return nil
}

// balancesFlags are the flags of `ledger balances`.
type balancesFlags struct {
	target
	pot, account, asset, recorded, effective string
	byPot, json                              bool
}

func newLedgerBalances() *cobra.Command {
	var flags balancesFlags
	cmd := &cobra.Command{
		Use:   "balances",
		Short: "Show balances, now or as of a recorded or effective time",
		Long: `Adds up postings. --effective leaves out what counts for later days, --recorded what was recorded later: together they show what was
known then about that day. A recorded time for which records may still come is refused, so an answer never changes.`,
		Example: `  penstock ledger balances
  penstock ledger balances --pot p1
  penstock ledger balances --account scheme:rounding --effective 2008-03-31 --recorded 2008-04-02T00:00:00Z --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return flags.run(cmd) },
	}
	flags.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&flags.pot, "pot", "", "only this pot")
	f.StringVar(&flags.account, "account", "", "only this account, such as pot:settled")
	f.StringVar(&flags.asset, "asset", "", "only this asset")
	f.StringVar(&flags.effective, "effective", "", "leave out postings that count for later days than this one")
	f.StringVar(&flags.recorded, "recorded", "", "leave out journals recorded after this time (2008-04-02T00:00:00Z)")
	f.BoolVar(&flags.byPot, "by-pot", false, "a row per pot and, for other accounts, per shard")
	f.BoolVar(&flags.json, "json", false, "print JSON lines")
	return cmd
}

func (f *balancesFlags) asOf() (postgres.AsOf, error) {
	var asOf postgres.AsOf
	if f.effective != "" {
		date, err := schemas.ParseDate(f.effective)
		if err != nil {
			return asOf, fmt.Errorf("--effective %q: %w; write it as 2008-03-31", f.effective, err)
		}
		asOf.EffectiveOn = &date
	}
	if f.recorded != "" {
		at, err := time.Parse(time.RFC3339Nano, f.recorded)
		if err != nil {
			return asOf, fmt.Errorf("--recorded %q: write it as 2008-04-02T00:00:00Z", f.recorded)
		}
		instant := schemas.InstantOf(at)
		asOf.RecordedAt = &instant
	}
	return asOf, nil
}

func (f *balancesFlags) run(cmd *cobra.Command) error {
	asOf, err := f.asOf()
	if err != nil {
		return err
	}
	pool, err := f.auditor(cmd.Context())
	if err != nil {
		return err
	}
	defer pool.Close()
	filter := postgres.BalanceFilter{Pot: schemas.PotID(f.pot), Account: schemas.Account(f.account), Asset: schemas.AssetCode(f.asset), ByPot: f.byPot}
	if f.json {
		return postgres.Balances(cmd.Context(), pool, filter, asOf, func(b postgres.Balance) error { return printLine(cmd.OutOrStdout(), b) })
	}
	table := newTable(cmd.OutOrStdout(), "pot", "shard", "account", "asset", "balance")
	err = postgres.Balances(cmd.Context(), pool, filter, asOf, func(b postgres.Balance) error {
		shard := "all"
		if b.Shard >= 0 {
			shard = fmt.Sprint(b.Shard)
		}
		table.row(b.Pot, shard, b.Account, b.Asset, b.Amount)
		return nil
	})
	return errors.Join(err, table.flush())
}

func newLedgerHash() *cobra.Command {
	var t target
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "hash",
		Short: "Print the canonical hash of the ledger",
		Long: `The canonical hash covers all journals by what they say, not by the order in which shards came to them: two ledgers of the same
instructions have the same hash, whatever crashed on the way.`,
		Example: "  penstock ledger hash",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pool, err := t.auditor(cmd.Context())
			if err != nil {
				return err
			}
			defer pool.Close()
			sum, postings, err := postgres.CanonicalHash(cmd.Context(), pool)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"hash": fmt.Sprintf("%x", sum), "postings": postings})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%x  %d postings\n", sum, postings)
			return nil
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
