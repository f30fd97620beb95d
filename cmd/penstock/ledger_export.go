package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/hledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

func newLedgerExport() *cobra.Command {
	var t target
	var format, output string
	var period months
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write journals for another program to add up, or months of them to keep",
		Long: `Writes the whole ledger, as it is at one moment, in the language of another accounting program, so that its sums can be had from a program
that shares nothing with this one. The format hledger (https://hledger.org) has a transaction for each journal and effective day; accounts of a
pot are named pot/ID:account, those of the outside world shard-N:account.

The format csv writes the journals that were recorded in some months, and their postings, into a new folder, with a manifest of rows, totals and SHA-256
hashes. penstock ledger verify --archive checks such folders without a database. A month that is not over in every shard is refused.`,
		Example: `  penstock ledger export --format hledger --output ledger.journal
  hledger -f ledger.journal balance --flat --end 2008-04-01
  penstock ledger export --format csv --from 2008-01 --to 2008-03 --output ledger-2008-q1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case format != "hledger" && format != "csv":
				return fmt.Errorf("--format %q is not known; hledger and csv are", format)
			case format == "csv" && (output == "" || period.from == ""):
				return errors.New("the format csv needs --output, a new folder, and --from, a month")
			case format == "hledger" && period != (months{}):
				return errors.New("the format hledger writes the whole ledger; --from and --to go with --format csv")
			}
			pool, err := t.auditor(cmd.Context())
			if err != nil {
				return err
			}
			defer pool.Close()
			if format == "csv" {
				return writeArchive(cmd.Context(), cmd.OutOrStdout(), pool, output, period)
			}
			if output == "" {
				return export(cmd, pool, cmd.OutOrStdout())
			}
			file, err := os.Create(output) //nolint:gosec // the user says where
			if err != nil {
				return fmt.Errorf("making the file: %w", err)
			}
			return errors.Join(export(cmd, pool, file), file.Close())
		},
	}
	t.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&format, "format", "hledger", "the language to write: hledger or csv")
	f.StringVar(&output, "output", "", "the file to write (csv: the folder); the terminal if it is missing")
	f.StringVar(&period.from, "from", "", "csv: first month of recorded time, in UTC")
	f.StringVar(&period.to, "to", "", "csv: last month (default: the first)")
	return cmd
}

func export(cmd *cobra.Command, pool *pgxpool.Pool, to io.Writer) error {
	w := hledger.NewWriter(to)
	return errors.Join(postgres.Journals(cmd.Context(), pool, w.Add), w.Close())
}
