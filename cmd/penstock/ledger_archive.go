package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/archive"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// months are a first and a last month, both included.
type months struct{ from, to string }

// parse reads the months; the last one is the first where it is not named.
func (m *months) parse() (first, last postgres.Month, err error) {
	if m.to == "" {
		m.to = m.from
	}
	for _, month := range []struct {
		flag, text string
		into       *postgres.Month
	}{{"--from", m.from, &first}, {"--to", m.to, &last}} {
		if err := month.into.UnmarshalText([]byte(month.text)); err != nil {
			return first, last, fmt.Errorf("%s %q: write a month as 2008-03", month.flag, month.text)
		}
	}
	if last < first {
		return first, last, fmt.Errorf("--to %s lies before --from %s", m.to, m.from)
	}
	return first, last, nil
}

// writeArchive writes the journals of the months into a new folder.
func writeArchive(ctx context.Context, out io.Writer, pool *pgxpool.Pool, dir string, m months) error {
	first, last, err := m.parse()
	if err != nil {
		return err
	}
	w, err := archive.Create(dir)
	if err != nil {
		return err
	}
	journals, events := int64(0), int64(0)
	cluster, err := postgres.JournalsOfMonths(ctx, pool, first, last, postgres.Extract{
		Begin: func(s postgres.Stretch) error { return w.Begin(s.Shard, s.Before, s.Head) },
		Each:  func(j *ledger.Journal) error { journals++; return w.Add(j) },

		BeginTrades: w.BeginTrades,
		Trade:       func(e *postgres.TradeEvent) error { events++; return w.AddTrade(e) },
	})
	if err != nil {
		return errors.Join(err, w.Abandon())
	}
	manifest, err := w.Close(cluster)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s has the %d journals of %s to %s in %d files, and %d events of trades\n",
		dir, journals, manifest.First, manifest.Last, len(manifest.Files), events)
	return err
}

// printArchives verifies archives and says what was found.
func printArchives(cmd *cobra.Command, dirs []string, anchors []anchor.Anchor, asJSON bool) error {
	found, err := archive.Verify(dirs, anchors)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), found)
	}
	out := cmd.OutOrStdout()
	for i, m := range found.Archives {
		fmt.Fprintf(out, "ok    %s: %s to %s, %d shards, %d files\n", dirs[i], m.First, m.Last, len(m.Shards), len(m.Files))
		for _, total := range m.Totals {
			fmt.Fprintf(out, "      %s: %s in %d postings\n", total.Asset, total.Quantity, total.Postings)
		}
	}
	fmt.Fprintf(out, "%d journals fit their hashes, each after the one before it; %d signed heads were met\n", found.Journals, found.Anchored)
	if found.Unsigned > 0 {
		fmt.Fprintf(out, "%d journals come after the last of these heads in their shards: nothing that was signed speaks of them\n", found.Unsigned)
	}
	fmt.Fprintf(out, "%d events of trades are as they were written; they come to what was signed of them %d times, and %d come after that\n",
		found.Events, found.AnchoredEvents, found.UnsignedEvents)
	if found.UndecidedEvents > 0 {
		fmt.Fprintf(out, "%d times something was signed of trades that lies beyond, without a recorded time: whether events are missing up to there cannot be said\n", found.UndecidedEvents)
	}
	if found.Undecided > 0 {
		fmt.Fprintf(out, "%d signed heads lie beyond, without a recorded time: whether journals are missing up to them cannot be said\n", found.Undecided)
	}
	return nil
}

func newLedgerLoad() *cobra.Command {
	var database string
	cmd := &cobra.Command{
		Use:   "load ARCHIVE...",
		Short: "Read exported months back, into a database of their own",
		Long: `Verifies folders that penstock ledger export --format csv wrote, as penstock ledger verify --archive does, and then makes a ledger of them in another
database: from the first month on, or where a load before ended; one that was interrupted goes on when it is given again. All that reads the ledger reads that one too, with --postgres. It is a copy, and never goes on
with the live topics: a sink refuses it. Folders from before external trades were exported have none: there, only what members' postings say is in it.`,
		Example: `  createdb ledger_2008
  penstock ledger load --database postgres://localhost/ledger_2008 ledger-2008-q1 ledger-2008-q2
  penstock ledger balances --postgres postgres://localhost/ledger_2008 --effective 2008-03-31`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := archive.Verify(args, nil)
			if err != nil {
				return err
			}
			return loadArchives(cmd, database, args, found.Archives[0])
		},
	}
	cmd.Flags().StringVar(&database, "database", "",
		"URL of the database to make the ledger in; it must be empty, or a copy that ends where the first folder begins, or in the folders")
	if err := cmd.MarkFlagRequired("database"); err != nil {
		panic(err) // it is defined above
	}
	return cmd
}

func loadArchives(cmd *cobra.Command, database string, dirs []string, first *archive.Manifest) error {
	ctx := cmd.Context()
	if err := refuseOther(ctx, database, first); err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, database); err != nil {
		return err
	}
	pool, err := postgres.OpenPool(ctx, database, postgres.RoleSink)
	if err != nil {
		return err
	}
	defer pool.Close()
	to, err := postgres.OpenLedger(ctx, pool, postgres.LedgerOptions{
		Shards: int32(len(first.Shards)), Cluster: archive.CopyOf(first.Cluster), Process: "penstock ledger load", //nolint:gosec // a few
	})
	if err != nil {
		return err
	}
	return archive.Load(ctx, to, dirs, func(dir string, booked int64) {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %d journals\n", dir, booked)
	})
}

// refuseOther refuses a database that has a ledger of another kind, as long as nothing there was changed.
func refuseOther(ctx context.Context, database string, first *archive.Manifest) error {
	shards, cluster, err := postgres.Founded(ctx, database)
	if err != nil || shards == 0 {
		return err
	}
	if copied := archive.CopyOf(first.Cluster); cluster != copied || int(shards) != len(first.Shards) {
		return fmt.Errorf("the database has the ledger of cluster %q with %d shards, these folders make one of %q with %d: load them into a database of their own",
			cluster, shards, copied, len(first.Shards))
	}
	return nil
}
