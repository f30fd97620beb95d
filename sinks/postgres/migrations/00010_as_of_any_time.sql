-- +goose Up

-- Months are numbered from 1970 and fit into 16 bits. The number of a recorded time's month is worked out only once the time is known to be one that the
-- ledger is complete through: of a far one there is none, and the refusal should say why. Nothing is recorded before 1970, so an earlier time is as good as
-- its first month.

-- +goose StatementBegin
create or replace function report.balances_as_of(
    effective date default null, recorded timestamptz default null, of_pot text default null, of_shard integer default null)
    returns table (shard smallint, pot text, account text, asset text, balance numeric)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set plan_cache_mode = force_custom_plan
    set enable_partitionwise_join = on as
$$
declare
    wanted_shard smallint := coalesce(of_shard, report.shard_of(of_pot));
    last_month   smallint;
begin
    perform ledger.require_complete(recorded);
    last_month := ledger.month_of(greatest(recorded, '1970-01-01 00:00Z'));
    return query
        with side as (
            select m.id as move, m.asset, e.sign, e.account, c.of_pot as is_pots
            from ledger.move m
                cross join lateral (values (-1, m.from_account), (1, m.to_account)) as e (sign, account)
                join ledger.account c on c.id = e.account
        ), summed as (
            select p.shard as in_shard, case when s.is_pots then j.pot end as owner, s.account as account_id, s.asset as asset_id, sum(s.sign * p.quantity) as quanta
            from ledger.journal j
                join ledger.posting p on p.shard = j.shard and p.month = j.month and p.sequence = j.sequence
                join side s on s.move = p.move
            where (effective is null or p.effective_on <= effective)
              and (recorded is null or j.recorded_at <= recorded and j.month <= last_month and p.month <= last_month)
              and (wanted_shard is null or j.shard = wanted_shard)
              and (of_pot is null or j.pot = of_pot and s.is_pots)
            group by p.shard, owner, s.account, s.asset
        )
        select t.in_shard, t.owner, c.code, a.code, t.quanta * a.quantum
        from summed t
            join ledger.account c on c.id = t.account_id
            join ledger.asset a on a.id = t.asset_id;
end
$$;
-- +goose StatementEnd
