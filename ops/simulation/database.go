package simulation

import (
	"context"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/ops/faults"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

// Server is a Postgres server on which simulations make databases.
type Server struct{ url string }

// NewServer names a server by the address of any of its databases. Its user must be a superuser.
func NewServer(address string) *Server { return &Server{address} }

// Database is a ledger for one run after the other.
type Database struct {
	server  *Server
	name    string
	url     string
	admin   *pgx.Conn
	auditor *pgxpool.Pool
}

// The connections of pools. Each new one costs Postgres a process with empty caches, and the sink's are new in each run.
const (
	auditorsMax     = "3"
	sinkConnections = "2"
)

// Open makes a database of the given name anew. Close drops it.
func (s *Server) Open(ctx context.Context, name string) (_ *Database, err error) {
	d := &Database{server: s, name: name}
	if d.url, err = s.at(name); err != nil {
		return nil, err
	}
	for _, statement := range []string{"drop database if exists " + name + " with (force)", "create database " + name} {
		if err := s.execute(ctx, statement); err != nil {
			return nil, err
		}
	}
	if err := d.open(ctx); err != nil {
		d.Close(ctx)
		return nil, fmt.Errorf("preparing the database %s: %w", name, err)
	}
	return d, nil
}

// guarded lets nobody change what is booked, as in the original, but for a session that says that it is the simulation between two runs.
const guarded = `create or replace function ledger.refuse_change() returns trigger language plpgsql as $$
begin
    if current_setting('simulation.between_runs', true) = 'yes' then
        return null;
    end if;
    raise exception 'ledger.% is append-only: % is refused', tg_table_name, lower(tg_op) using errcode = 'integrity_constraint_violation';
end $$`

func (d *Database) open(ctx context.Context) (err error) {
	if err := postgres.Migrate(ctx, d.url); err != nil {
		return err
	}
	if d.admin, err = pgx.Connect(ctx, d.url); err != nil {
		return err
	}
	for _, statement := range []string{guarded, "set simulation.between_runs = 'yes'"} {
		if _, err := d.admin.Exec(ctx, statement); err != nil {
			return err
		}
	}
	d.auditor, err = d.pool(ctx, auditorsMax, postgres.RoleAuditor)
	return err
}

// empty takes out everything but what was founded.
const empty = `
delete from ledger.posting; delete from ledger.journal; delete from ledger.trade_part; delete from ledger.trade_event;
delete from ledger.move; delete from ledger.trade; delete from ledger.asset; delete from ledger.account; delete from ledger.topic;
delete from ledger.rules; delete from ledger.source;
delete from ledger.position; delete from ledger.progress;
insert into ledger.position (topic, partition)
    select topic, shard from unnest(array['ledger.journal.v1', 'ledger.progress.v1']) as topic, generate_series(0, (select shards from ledger.system) - 1) as shard
    union all select 'ledger.trade.v1', 0 from ledger.system;
insert into ledger.progress (shard) select generate_series(0, (select shards from ledger.system) - 1);`

// Empty makes the ledger as if it had just been founded.
func (d *Database) Empty(ctx context.Context) error {
	if _, err := d.admin.Exec(ctx, empty); err != nil {
		return fmt.Errorf("emptying the database %s: %w", d.name, err)
	}
	return nil
}

func (d *Database) pool(ctx context.Context, connections string, role postgres.Role) (*pgxpool.Pool, error) {
	address, err := d.server.at(d.name, "pool_max_conns", connections)
	if err != nil {
		return nil, err
	}
	return postgres.OpenPool(ctx, address, role)
}

// sinkPool returns connections of the sink's that are made by a dialer.
func (d *Database) sinkPool(ctx context.Context, dial faults.Dialer) (*pgxpool.Pool, error) {
	usual, err := d.pool(ctx, sinkConnections, postgres.RoleSink)
	if err != nil {
		return nil, err
	}
	defer usual.Close()
	config := usual.Config()
	config.ConnConfig.DialFunc = pgconn.DialFunc(dial)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("making the pool of the sink: %w", err)
	}
	return pool, nil
}

// Close drops the database.
func (d *Database) Close(ctx context.Context) {
	if d.auditor != nil {
		d.auditor.Close()
	}
	if d.admin != nil {
		_ = d.admin.Close(ctx) // the database goes away
	}
	_ = d.server.execute(ctx, "drop database if exists "+d.name+" with (force)") // as does the server, mostly
}

func (s *Server) execute(ctx context.Context, statement string) error {
	connection, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return fmt.Errorf("connecting to Postgres: %w", err)
	}
	defer func() { _ = connection.Close(ctx) }()
	if _, err := connection.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// at returns the address of a database of the server, with parameters of the connection or the pool.
func (s *Server) at(name string, parameters ...string) (string, error) {
	address, err := url.Parse(s.url)
	if err != nil {
		return "", fmt.Errorf("reading the address of Postgres: %w", err)
	}
	address.Path = "/" + name
	query := address.Query()
	for i := 0; i+1 < len(parameters); i += 2 {
		query.Set(parameters[i], parameters[i+1])
	}
	address.RawQuery = query.Encode()
	return address.String(), nil
}
