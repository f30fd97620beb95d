package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/penstock-ledger/penstock/sinks/postgres/pgtest"
)

const (
	insufficientPrivilege = "42501"
	integrityViolation    = "23000"
)

func sqlState(err error) string {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.Code
	}
	return ""
}

// TestNobodyChangesWhatIsBooked tries each change as each role, through the tables and through their parts. Roles without the
// right are refused it; those with every right meet the triggers.
func TestNobodyChangesWhatIsBooked(t *testing.T) {
	test := openTestLedger(t)
	test.bookLives(t)
	var statements []string
	for _, table := range []string{"journal", "journal_1", "journal_1_2008_03", "posting", "posting_1", "posting_1_2008_03"} {
		statements = append(statements,
			"update ledger."+table+" set sequence = sequence + 1", "delete from ledger."+table, "truncate ledger."+table)
	}
	for _, table := range []string{"trade_event", "trade_part", "trade", "account", "asset", "move", "source", "topic", "rules", "system"} {
		statements = append(statements, "delete from ledger."+table, "truncate ledger."+table+" cascade")
	}
	statements = append(statements, "update ledger.account set code = 'x'", "update ledger.system set shards = 5")
	for role, want := range map[Role]string{
		"postgres": integrityViolation, RoleOwner: integrityViolation,
		RoleSink: insufficientPrivilege, RoleAuditor: insufficientPrivilege, "penstock_analyst": insufficientPrivilege,
	} {
		pool := openTestPool(t, test.url, role)
		for _, statement := range statements {
			if _, err := pool.Exec(t.Context(), statement); sqlState(err) != want {
				t.Errorf("%s: %s: got %v, want SQLSTATE %s", role, statement, err, want)
			}
		}
	}
	if report := test.verify(t); !report.OK() {
		t.Errorf("afterwards these checks failed: %v", report.failed())
	}
}

// TestEveryTableIsProtectedButThosePositionsAreIn: a table that a later migration adds must not be forgotten, nor one of a month.
func TestEveryTableIsProtectedButThosePositionsAreIn(t *testing.T) {
	test := openTestLedger(t)
	test.bookLives(t)
	const open = `select coalesce(string_agg(relname, ' ' order by relname), '') from pg_class c where relnamespace = 'ledger'::regnamespace and relkind in ('r', 'p')
		and not exists (select from pg_trigger where tgrelid = c.oid and tgname = 'append_only' and tgenabled = 'A' and tgfoid = 'ledger.refuse_change'::regproc)`
	var names string
	if err := test.super.QueryRow(t.Context(), open).Scan(&names); err != nil || names != "migration position progress" {
		t.Errorf("rows may be changed in: %s (%v)", names, err)
	}
}

func TestNobodyCanLogInAsTheOwnerOrTakeItsRole(t *testing.T) {
	test := openTestLedger(t)
	const powerful = `select count(*) from pg_roles where rolname like 'penstock\_%' and (rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)`
	if n := count(t, test.super, powerful); n != 0 {
		t.Errorf("%d roles can do more than their rights say", n)
	}
	for _, role := range []Role{RoleSink, RoleAuditor, "penstock_analyst"} {
		login := openTestPool(t, test.asLogin(t, role), role)
		if _, err := login.Exec(t.Context(), "set role penstock_owner"); sqlState(err) != insufficientPrivilege {
			t.Errorf("%s becomes the owner: %v", role, err)
		}
		login.Close()
	}
}

func TestTheTriggersHoldInAReplicationSession(t *testing.T) {
	test := openTestLedger(t)
	test.bookLives(t)
	_, err := test.super.Exec(t.Context(), "begin; set local session_replication_role = replica; delete from ledger.posting_0_2008_03; commit")
	if sqlState(err) != integrityViolation {
		t.Errorf("got %v, want SQLSTATE %s", err, integrityViolation)
	}
}

func TestAnAnalystSeesViewsAndNoTables(t *testing.T) {
	test := openTestLedger(t)
	test.bookLives(t)
	analyst := openTestPool(t, test.url, "penstock_analyst")
	for _, view := range relations(t, test, "report", "v") {
		if _, err := analyst.Exec(t.Context(), "select * from report."+view); err != nil {
			t.Errorf("report.%s: %v", view, err)
		}
	}
	for _, function := range asOfFunctions() {
		if _, err := analyst.Exec(t.Context(), "select * from report."+function+"(date '2008-03-20')"); err != nil {
			t.Errorf("%s: %v", function, err)
		}
	}
	tables := append(relations(t, test, "ledger", "r"), relations(t, test, "ledger", "p")...)
	if len(tables) < 10 {
		t.Fatalf("only these tables were found: %v", tables)
	}
	for _, table := range tables {
		if _, err := analyst.Exec(t.Context(), "select from ledger."+table); sqlState(err) != insufficientPrivilege {
			t.Errorf("ledger.%s: got %v, want SQLSTATE %s", table, err, insufficientPrivilege)
		}
	}
	for _, statement := range []string{
		"select ledger.ensure_partition(0, 0)", "select ledger.month_of(now())", "create table report.mine (a int)", "create view report.mine as select 1",
		"drop view report.journals", "set role penstock_auditor",
	} {
		login := openTestPool(t, test.asLogin(t, "penstock_analyst"), "penstock_analyst")
		if _, err := login.Exec(t.Context(), statement); sqlState(err) != insufficientPrivilege {
			t.Errorf("%s: got %v, want SQLSTATE %s", statement, err, insufficientPrivilege)
		}
		login.Close()
	}
}

func TestAnAuditorReadsEverything(t *testing.T) {
	test := openTestLedger(t)
	test.bookLives(t)
	for _, table := range append(relations(t, test, "ledger", "r"), relations(t, test, "ledger", "p")...) {
		if _, err := test.auditor.Exec(t.Context(), "select from ledger."+table); err != nil {
			t.Errorf("ledger.%s: %v", table, err)
		}
	}
	for _, view := range relations(t, test, "report", "v") {
		if _, err := test.auditor.Exec(t.Context(), "select * from report."+view); err != nil {
			t.Errorf("report.%s: %v", view, err)
		}
	}
	for _, function := range asOfFunctions() {
		if _, err := test.auditor.Exec(t.Context(), "select * from report."+function+"(date '2008-03-20')"); err != nil {
			t.Errorf("%s: %v", function, err)
		}
	}
}

func TestTheSinkMayNotAddWhatItDoesNotBook(t *testing.T) {
	test := openTestLedger(t)
	for _, statement := range []string{
		"insert into ledger.position (topic, partition) values ('x', 0)", "insert into ledger.progress (shard) values (99)",
		"update ledger.position set topic = 'x'", "delete from ledger.position", "delete from ledger.progress", "truncate ledger.position", "update ledger.progress set shard = 9",
		"insert into ledger.journal (sequence) values (1)", "set session_replication_role = replica", "alter table ledger.posting disable trigger all",
		"insert into ledger.system (shards, cluster) values (1, 'x')", "create table ledger.mine (a int)", "set role penstock_owner; drop table ledger.posting",
	} {
		pool := openTestPool(t, test.asLogin(t, RoleSink), RoleSink)
		if _, err := pool.Exec(t.Context(), statement); sqlState(err) != insufficientPrivilege {
			t.Errorf("%s: got %v, want SQLSTATE %s", statement, err, insufficientPrivilege)
		}
	}
}

// TestTheSinksSessionsAreBounded looks at the settings that a dead owner's lock is bounded by; waiting for them would take minutes.
func TestTheSinksSessionsAreBounded(t *testing.T) {
	test := openTestLedger(t)
	for setting, want := range map[string]string{
		"idle_in_transaction_session_timeout": "10s", "lock_timeout": "15s", "statement_timeout": "1min", "synchronous_commit": "on",
		"role": "penstock_sink", "timezone": "UTC",
	} {
		var got string
		if err := test.pool.QueryRow(t.Context(), "select current_setting($1)", setting).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", setting, got, err, want)
		}
	}
}

// asLogin returns the address for an ordinary user who is a member of one role.
func (l *testLedger) asLogin(t *testing.T, role Role) string {
	t.Helper()
	name := "login_" + strings.TrimPrefix(l.pool.Config().ConnConfig.Database, "test_")
	for _, statement := range []string{
		"do $$ begin create role " + name + " login; exception when duplicate_object then null; end $$", "grant " + string(role) + " to " + name,
	} {
		if _, err := l.super.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if _, err := l.super.Exec(context.Background(), "drop role if exists "+name); err != nil {
			t.Error(err)
		}
	})
	return strings.Replace(l.url, "postgres@", name+"@", 1)
}

func TestMigrationsRunForAUserWhoIsNoSuperuser(t *testing.T) {
	test := openTestLedger(t) // the roles exist from here on
	url := pgtest.Start(t)
	login := test.asLogin(t, RoleOwner)
	user := strings.TrimPrefix(strings.SplitN(login, "@", 2)[0], "postgres://")
	super := openTestPool(t, url, "postgres")
	for _, statement := range []string{
		"grant penstock_sink, penstock_auditor to " + user,
		"create schema ledger authorization penstock_owner", "create schema report authorization penstock_owner",
	} {
		if _, err := super.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	address := strings.Replace(url, "postgres@", user+"@", 1)
	if err := Migrate(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	opened, err := OpenLedger(t.Context(), openTestPool(t, address, RoleSink), LedgerOptions{Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opened.Claim(t.Context(), 0); err != nil {
		t.Error(err)
	}
}

func relations(t *testing.T, test *testLedger, schema, kind string) []string {
	t.Helper()
	rows, err := test.super.Query(t.Context(),
		"select relname from pg_class where relnamespace = $1::regnamespace and relkind::text = $2", schema, kind)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}
