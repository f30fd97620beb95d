package postgres

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"

	"github.com/penstock-ledger/penstock/sinks/postgres/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestMigratingTwiceChangesNothing(t *testing.T) {
	url := pgtest.Start(t)
	for range 2 {
		if err := Migrate(t.Context(), url); err != nil {
			t.Fatal(err)
		}
	}
}

// stages are a database that a test migrates step by step.
type stages struct {
	t     *testing.T
	owner *sql.DB
	*goose.Provider
}

// openStages returns a prepared database in which no migration ran yet, with the migrations of this binary.
func openStages(t *testing.T) *stages {
	t.Helper()
	config, err := pgx.ParseConfig(pgtest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := prepare(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	s := &stages{t: t, owner: asOwner(config)}
	t.Cleanup(func() { _ = s.owner.Close() })
	s.use(0)
	return s
}

// use goes on with the migrations of a binary that lacks the last few.
func (s *stages) use(fewer int) {
	s.t.Helper()
	names, err := fs.Glob(migrations, "migrations/0*.sql")
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(names)
	known := fstest.MapFS{}
	for _, name := range names[:len(names)-fewer] {
		text, err := migrations.ReadFile(name)
		if err != nil {
			s.t.Fatal(err)
		}
		known[strings.TrimPrefix(name, "migrations/")] = &fstest.MapFile{Data: text}
	}
	if s.Provider, err = migrationsIn(known, s.owner); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stages) execute(statement string) {
	s.t.Helper()
	if _, err := s.owner.ExecContext(s.t.Context(), statement); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}

// lines returns what a query of one column says, in order.
func (s *stages) lines(query string) []string {
	s.t.Helper()
	rows, err := s.owner.QueryContext(s.t.Context(), query)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			s.t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

// offered is what a program may rely on: columns with their types, functions with their results, and who may do what. A rule that only grows lets the
// binary before go on.
const offered = `
	select 'column ' || c.oid::regclass || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) from pg_class c
		join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
		where c.relnamespace::regnamespace::text in ('ledger', 'report') and c.relkind in ('r', 'p', 'v')
	union all
	select 'function ' || p.oid::regprocedure || ' ' || pg_get_function_result(p.oid) from pg_proc p where p.pronamespace::regnamespace::text in ('ledger', 'report')
	union all
	select 'right ' || c.oid::regclass || ' ' || r.grantee::regrole || ' ' || r.privilege_type from pg_class c, aclexplode(c.relacl) r
		where c.relnamespace::regnamespace::text in ('ledger', 'report')
	union all
	select 'right ' || c.oid::regclass || '.' || a.attname || ' ' || r.grantee::regrole || ' ' || r.privilege_type
		from pg_class c join pg_attribute a on a.attrelid = c.oid, aclexplode(a.attacl) r where c.relnamespace::regnamespace::text in ('ledger', 'report')`

// schema is everything that makes up the schema with its rights, but for two things of months' tables: the names of their indexes, which Postgres makes up, and their
// comments, for only a table that was made after its parent's comment has a copy of it.
const schema = offered + `
	union all
	select 'place ' || c.oid::regclass || '.' || a.attname || ' ' || a.attnum || ' ' || a.attnotnull || a.attidentity::text || a.attgenerated::text
			|| coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') || case when c.relispartition then '' else coalesce(' -- ' || col_description(c.oid, a.attnum), '') end
		from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
		where c.relnamespace::regnamespace::text in ('ledger', 'report') and c.relkind in ('r', 'p', 'v')
	union all
	select 'relation ' || c.oid::regclass || ' ' || c.relkind::text || ' ' || c.relowner::regrole || coalesce(' ' || pg_get_expr(c.relpartbound, c.oid), '')
			|| coalesce(' ' || pg_get_partkeydef(c.oid), '') || coalesce(' -- ' || obj_description(c.oid), '')
		from pg_class c where c.relnamespace::regnamespace::text in ('ledger', 'report') and c.relkind in ('r', 'p', 'v', 'S')
	union all
	select 'index ' || i.indrelid::regclass || ' ' || case when c.relispartition
			then regexp_replace(pg_get_indexdef(i.indexrelid), 'INDEX \S+ ON', 'INDEX ON') else pg_get_indexdef(i.indexrelid) end || ' ' || i.indisvalid
		from pg_index i join pg_class c on c.oid = i.indrelid where c.relnamespace::regnamespace::text in ('ledger', 'report')
	union all
	select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || ' ' || convalidated from pg_constraint where connamespace::regnamespace::text in ('ledger', 'report')
	union all
	select 'right ' || n.nspname || ' ' || r.grantee::regrole || ' ' || r.privilege_type || ' ' || n.nspowner::regrole from pg_namespace n, aclexplode(n.nspacl) r
		where n.nspname in ('ledger', 'report')
	union all
	select 'default right ' || d.defaclrole::regrole || ' ' || coalesce(n.nspname, '') || ' ' || d.defaclobjtype::text || ' ' || d.defaclacl::text
		from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace
	union all
	select 'sequence ' || s.seqrelid::regclass || ' ' || (to_jsonb(s) - 'seqrelid' - 'seqtypid')::text || ' ' || s.seqtypid::regtype from pg_sequence s
		join pg_class c on c.oid = s.seqrelid where c.relnamespace::regnamespace::text in ('ledger', 'report')
	union all
	select 'trigger ' || tgrelid::regclass || ' ' || pg_get_triggerdef(oid) || ' ' || tgenabled::text from pg_trigger
		where tgrelid in (select oid from pg_class where relnamespace::regnamespace::text = 'ledger') and not tgisinternal
	union all
	select 'view ' || c.oid::regclass || ' ' || pg_get_viewdef(c.oid) from pg_class c where c.relnamespace::regnamespace::text = 'report' and c.relkind = 'v'
	union all
	select 'body ' || case when p.prokind = 'a' then a.aggfnoid::regprocedure || ' ' || to_jsonb(a)::text else pg_get_functiondef(p.oid) end
			|| ' ' || coalesce(p.proacl::text, '') || coalesce(' -- ' || obj_description(p.oid), '')
		from pg_proc p left join pg_aggregate a on a.aggfnoid = p.oid where p.pronamespace::regnamespace::text in ('ledger', 'report')`

// filled books a journal by hand, in the columns of the very first migration.
const filled = `
	insert into ledger.asset (code, scale) values ('GBP', 2);
	insert into ledger.account (code) values ('bank:client-money'), ('pot:available');
	insert into ledger.topic (code) values ('t'); insert into ledger.rules (code) values ('1'); insert into ledger.source (code) values ('s');
	insert into ledger.move (stage, asset, from_account, to_account) values ('contributed', 1, 1, 2);
	insert into ledger.journal (sequence, recorded_at, record_offset, record_partition, source, shard, month, record_topic, rules, id, hash, cause, pot)
		values (1, '2008-03-20 09:00Z', 0, 0, 1, 0, 458, 1, 1, gen_random_uuid(), decode(repeat('00', 32), 'hex'), 'c', 'p');
	insert into ledger.posting (sequence, quantity, to_balance, effective_on, shard, month, leg, move) values (1, 500, 500, '2008-03-20', 0, 458, 1, -32768)`

// monthsFrom is the month of the first tables that a test makes: March 2008.
const monthsFrom = 458

// TestADatabaseUpgradedStepByStepIsAFreshOne founds one ledger after the first migration and another after the last, and compares all of their schemas, with the tables of
// months that were made between the steps.
func TestADatabaseUpgradedStepByStepIsAFreshOne(t *testing.T) {
	upgraded, fresh := openStages(t), openStages(t)
	const found = "select ledger.found(2, 'test')"
	tables := func(s *stages, month int) { s.execute(fmt.Sprintf("select ledger.ensure_partition(0, %d)", month)) }
	count := len(upgraded.ListSources())
	var before []string
	for version := range count {
		if _, err := upgraded.UpByOne(t.Context()); err != nil {
			t.Fatal(err)
		}
		if version == 0 {
			upgraded.execute(found)
		}
		tables(upgraded, monthsFrom+version)
		if version == 0 {
			upgraded.execute(filled)
		}
		now := upgraded.lines(offered)
		for _, promise := range without(before, now) {
			t.Errorf("migration %d took away: %s", version+1, promise)
		}
		before = now
	}
	if _, err := fresh.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh.execute(found)
	for version := range count {
		tables(fresh, monthsFrom+version)
	}
	want, got := fresh.lines(schema), upgraded.lines(schema)
	for _, line := range without(want, got) {
		t.Errorf("only in a fresh database: %s", line)
	}
	for _, line := range without(got, want) {
		t.Errorf("only in an upgraded database: %s", line)
	}
	if len(want) < 500 || len(want) != len(got) {
		t.Errorf("a fresh database has %d lines, an upgraded one %d", len(want), len(got))
	}
	kept := upgraded.lines("select balance::text from report.balances_as_of(of_pot => 'p', of_shard => 0)")
	if !slices.Equal(kept, []string{"5.00"}) {
		t.Errorf("of the journal that was booked before all upgrades there is %v", kept)
	}
}

// without returns the lines that the others lack.
func without(lines, others []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(others, line) })
}

// TestTheBinaryBeforeStartsOnTheNewSchema: going back needs no migration downwards.
func TestTheBinaryBeforeStartsOnTheNewSchema(t *testing.T) {
	s := openStages(t)
	if _, err := s.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := s.lines(schema)
	s.use(1)
	if ran, err := s.Up(t.Context()); err != nil || len(ran) != 0 {
		t.Errorf("the binary before ran %v, %v", ran, err)
	}
	if !slices.Equal(s.lines(schema), now) {
		t.Error("the binary before changed the schema")
	}
}
