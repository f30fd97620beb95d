-- +goose Up

-- Balances of all pots are added up from two changes per posting: 40 million in a ledger of 20 million postings. What that takes depends on the order of
-- things: first each posting finds its journal, once, and only then becomes two changes. Left alone, the planner has each change look for the journal. It is told
-- by the "offset", which keeps the join of journals and postings together; it is a bigint from the start, for one that is converted rules out workers.
-- And where all of a month is read, they are joined by hashing, once the planner may not think that a cache of single look-ups (memoize) is as good.

-- +goose StatementBegin
create function ledger.changes_as_of(effective date, recorded timestamptz, last_month smallint, of_pot text, of_shard smallint)
    returns table (shard smallint, pot text, account smallint, asset smallint, quanta bigint)
    language sql stable parallel safe as
$$
    select c.shard, case when s.is_pots then c.pot end, s.account, s.asset, s.sign * c.quantity
    from (
            select p.shard, j.pot, p.move, p.quantity
            from ledger.journal j
                join ledger.posting p on p.shard = j.shard and p.month = j.month and p.sequence = j.sequence
            where (changes_as_of.effective is null or p.effective_on <= changes_as_of.effective)
              and (changes_as_of.recorded is null or j.recorded_at <= changes_as_of.recorded
                    and j.month <= changes_as_of.last_month and p.month <= changes_as_of.last_month)
              and (changes_as_of.of_shard is null or j.shard = changes_as_of.of_shard)
              and (changes_as_of.of_pot is null or j.pot = changes_as_of.of_pot)
            offset bigint '0'
        ) as c
        join (
            select m.id as move, m.asset, e.sign, e.account, k.of_pot as is_pots
            from ledger.move m
                cross join lateral (values (-1, m.from_account), (1, m.to_account)) as e (sign, account)
                join ledger.account k on k.id = e.account
        ) as s on s.move = c.move and (changes_as_of.of_pot is null or s.is_pots)
    union all
    select o.shard, o.pot, o.account, o.asset, o.quanta
    from ledger.opening o
    where (changes_as_of.effective is null or o.effective_on <= changes_as_of.effective)
      and (changes_as_of.of_shard is null or o.shard = changes_as_of.of_shard)
      and (changes_as_of.of_pot is null or o.pot = changes_as_of.of_pot)
$$;
-- +goose StatementEnd
comment on function ledger.changes_as_of(date, timestamptz, smallint, text, smallint) is
    'By how much each posting, and what was dropped, changed each account. last_month is what ledger.last_month_as_of says of the same times, and of the same snapshot. It runs with the rights of who asks and sets nothing, so that it becomes part of the query that calls it, and that may be shared out among workers.';

-- +goose StatementBegin
create function ledger.last_month_as_of(effective date, recorded timestamptz) returns smallint
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp as
$$
begin
    perform ledger.require_complete(recorded);
    perform ledger.require_opened(effective, recorded);
    -- Only now is it sure that the time has a month whose number fits.
    return ledger.month_of(greatest(recorded, '1970-01-01 00:00Z'));
end
$$;
-- +goose StatementEnd
comment on function ledger.last_month_as_of(date, timestamptz) is
    'The last month in which something may have been recorded by that time. Refuses a time for which records may still come, and one of which only an archive knows.';

-- Balances are quanta of 64 bits wherever they are kept. Adding them up as such takes half the memory of Postgres' own sum, which has room for more; a sum that does
-- not fit is an error.
create aggregate ledger.sum_of_quanta(bigint) (sfunc = int8pl, stype = bigint, combinefunc = int8pl, parallel = safe);
comment on aggregate ledger.sum_of_quanta(bigint) is 'The sum of quanta of one account and asset.';

-- +goose StatementBegin
create or replace function report.balances_as_of(
    effective date default null, recorded timestamptz default null, of_pot text default null, of_shard integer default null)
    returns table (shard smallint, pot text, account text, asset text, balance numeric)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set plan_cache_mode = force_custom_plan
    set enable_partitionwise_join = on
    set enable_memoize = off as
$$
declare
    wanted_shard smallint := coalesce(of_shard, report.shard_of(of_pot));
    last_month   smallint := ledger.last_month_as_of(effective, recorded);
begin
    return query
        select t.shard, t.pot, c.code, a.code, t.quanta * a.quantum
        from (
                select s.shard, s.pot, s.account, s.asset, sum(s.quanta) as quanta
                from ledger.changes_as_of(effective, recorded, last_month, of_pot, wanted_shard) s
                group by s.shard, s.pot, s.account, s.asset
            ) as t
            join ledger.account c on c.id = t.account
            join ledger.asset a on a.id = t.asset;
    perform ledger.is_current();
end
$$;
-- +goose StatementEnd

revoke all on function ledger.changes_as_of(date, timestamptz, smallint, text, smallint), ledger.last_month_as_of(date, timestamptz), ledger.sum_of_quanta(bigint) from public;
grant execute on function ledger.changes_as_of(date, timestamptz, smallint, text, smallint), ledger.last_month_as_of(date, timestamptz), ledger.sum_of_quanta(bigint)
    to penstock_auditor;
