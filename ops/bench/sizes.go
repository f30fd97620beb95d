package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/sinks/postgres"
)

// Size is what something takes on the disk.
type Size struct {
	Name string `json:"name"`
	// Bytes is the whole size, PerPot that by the number of pots. Of tables, Indexes is the part of their indexes.
	Bytes   int64   `json:"bytes"`
	Indexes int64   `json:"index_bytes,omitempty"`
	Rows    int64   `json:"rows,omitempty"`
	PerPot  float64 `json:"bytes_per_pot"`
}

// weigh looks at what is on the disk, and how many postings each stage made.
func (c *cycle) weigh(ctx context.Context) error {
	var err error
	if c.report.Topics, err = folderSizes(filepath.Join(c.dir, "kafka", "partitions"), topicOf); err != nil {
		return err
	}
	if c.report.Stores, err = folderSizes(c.stateDir(), func(name string) string { return name }); err != nil {
		return err
	}
	if c.report.Tables, err = c.tableSizes(ctx); err != nil {
		return err
	}
	for _, sizes := range [][]Size{c.report.Topics, c.report.Stores, c.report.Tables} {
		for i := range sizes {
			sizes[i].PerPot = float64(sizes[i].Bytes) / float64(c.config.Pots)
		}
		slices.SortFunc(sizes, func(a, b Size) int { return int(b.Bytes - a.Bytes) })
	}
	return c.countPostings(ctx)
}

// topicOf takes the partition's number from the name of its folder.
func topicOf(folder string) string {
	if i := strings.LastIndexByte(folder, '-'); i > 0 {
		return folder[:i]
	}
	return folder
}

// folderSizes adds up the files under each folder of dir, by the name that nameOf gives the folder.
func folderSizes(dir string, nameOf func(string) string) ([]Size, error) {
	folders, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("weighing: %w", err)
	}
	totals := make(map[string]int64)
	for _, folder := range folders {
		bytes, err := bytesUnder(filepath.Join(dir, folder.Name()))
		if err != nil {
			return nil, fmt.Errorf("weighing: %w", err)
		}
		totals[nameOf(folder.Name())] += bytes
	}
	sizes := make([]Size, 0, len(totals))
	for name, bytes := range totals {
		sizes = append(sizes, Size{Name: name, Bytes: bytes})
	}
	return sizes, nil
}

// bytesUnder adds up the files of a folder while others may still write there.
func bytesUnder(dir string) (int64, error) {
	total := int64(0)
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = entry.Info(); err == nil {
				total += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was replaced meanwhile
		}
		return err
	})
	return total, err
}

// tableSizes adds up the partitions of each table of the ledger.
func (c *cycle) tableSizes(ctx context.Context) ([]Size, error) {
	const ask = `select coalesce(root.relname, r.relname) as name, sum(pg_total_relation_size(r.oid))::bigint, sum(pg_indexes_size(r.oid))::bigint,
			sum(greatest(s.n_live_tup, 0))::bigint
		from pg_class r
			join pg_namespace n on n.oid = r.relnamespace
			left join pg_stat_all_tables s on s.relid = r.oid
			left join pg_class root on root.oid = pg_partition_root(r.oid)
		where n.nspname = 'ledger' and r.relkind = 'r'
		group by 1 having sum(pg_total_relation_size(r.oid)) > 0`
	rows, err := c.auditor.Query(ctx, ask)
	if err != nil {
		return nil, fmt.Errorf("weighing the tables: %w", err)
	}
	sizes, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Size, error) {
		var size Size
		err := row.Scan(&size.Name, &size.Bytes, &size.Indexes, &size.Rows)
		return size, err
	})
	if err != nil {
		return nil, fmt.Errorf("weighing the tables: %w", err)
	}
	return sizes, nil
}

// countPostings gives each stage the postings that it made.
func (c *cycle) countPostings(ctx context.Context) error {
	const ask = `select case when m.stage in ('contributed', 'reserved') then 'contributed' when m.stage in ('priced', 'returned', 'rounded') then 'priced'
			else m.stage end, count(*)
		from ledger.posting p join ledger.move m on m.id = p.move group by 1`
	rows, err := c.auditor.Query(ctx, ask)
	if err != nil {
		return fmt.Errorf("counting postings: %w", err)
	}
	var stage string
	var postings int64
	_, err = pgx.ForEachRow(rows, []any{&stage, &postings}, func() error {
		for i := range c.report.Stages {
			if c.report.Stages[i].Name == stage {
				c.report.Stages[i].setPostings(postings)
			}
		}
		c.report.Cycle.setPostings(c.report.Cycle.Postings + postings)
		return nil
	})
	if err != nil {
		return fmt.Errorf("counting postings: %w", err)
	}
	if c.report.Cycle.Postings > 0 {
		c.report.WALPerPosting = float64(c.report.WALBytes) / float64(c.report.Cycle.Postings)
	}
	return nil
}

// The journals of a pot, one per stage but for the closing of the day, and those of each shard: rounding and settlement.
const (
	journalsPerPot   = 3
	journalsPerShard = 2
)

// verify reads the ledger back: a number is only worth something if the work was done, and done right.
func (c *cycle) verify(ctx context.Context) error {
	found, err := postgres.Verify(ctx, c.auditor, postgres.VerifyOptions{AtRest: true}, nil)
	if err != nil {
		return err
	}
	for i := range found.Checks {
		check := &found.Checks[i]
		c.report.Checks = append(c.report.Checks, Checked{Name: check.Name, Checked: check.Checked, Of: check.Of, Failed: check.Failed})
		if !check.OK() {
			err = errors.Join(err, fmt.Errorf("%s: %d of %d %s: %v", check.Title, check.Failed, check.Checked, check.Of, check.Findings))
		}
	}
	var journals, unsettled int64
	const ask = `select (select sum(sequence)::bigint from ledger.position), (select count(*) from report.trades where status <> 'settled')`
	if err := c.auditor.QueryRow(ctx, ask).Scan(&journals, &unsettled); err != nil {
		return fmt.Errorf("counting journals: %w", err)
	}
	c.report.Journals = journals
	if want := int64(journalsPerPot*c.config.Pots) + int64(journalsPerShard*c.config.Shards); journals != want || unsettled != 0 {
		err = errors.Join(err, fmt.Errorf("the ledger has %d journals, not %d, and %d trades are not settled", journals, want, unsettled))
	}
	if err != nil {
		return fmt.Errorf("the ledger is not what it must be: %w", err)
	}
	return nil
}
