-- +goose Up

-- A pot's shard follows from its id, as the pipeline works it out (Kafka's murmur2 of its bytes). Knowing it, a question about one pot looks into the
-- tables of one shard only.

-- +goose StatementBegin
create function ledger.times_32(a bigint, b bigint) returns bigint
    language sql immutable strict parallel safe as
$$ select (((((a >> 16) * b) & 65535) << 16) + (a & 65535) * b) & 4294967295 $$;
-- +goose StatementEnd
comment on function ledger.times_32(bigint, bigint) is 'The product of two unsigned numbers of 32 bits, of which it keeps the lower 32.';

-- +goose StatementBegin
create function report.shard_of(of_pot text) returns integer
    language plpgsql stable strict security definer set search_path = pg_catalog, pg_temp as
$$
declare
    factor constant bigint := 1540483477;
    bytes  bytea   := convert_to(of_pot, 'UTF8');
    size   integer := octet_length(bytes);
    hash   bigint  := 2538058380 # size::bigint;
    word   bigint;
    next   integer := 0;
begin
    while size - next >= 4 loop
        word := get_byte(bytes, next) + (get_byte(bytes, next + 1)::bigint << 8)
            + (get_byte(bytes, next + 2)::bigint << 16) + (get_byte(bytes, next + 3)::bigint << 24);
        word := ledger.times_32(word, factor);
        word := ledger.times_32(word # (word >> 24), factor);
        hash := ledger.times_32(hash, factor) # word;
        next := next + 4;
    end loop;
    if next < size then
        for i in next .. size - 1 loop
            hash := hash # (get_byte(bytes, i)::bigint << (8 * (i - next)));
        end loop;
        hash := ledger.times_32(hash, factor);
    end if;
    hash := ledger.times_32(hash # (hash >> 13), factor);
    hash := hash # (hash >> 15);
    return (hash & 2147483647) % (select s.shards from ledger.system s);
end
$$;
-- +goose StatementEnd
comment on function report.shard_of(text) is 'The shard that a pot belongs to, always the same.';

-- +goose StatementBegin
create function ledger.require_complete(recorded timestamptz) returns void
    language plpgsql stable as
$$
declare
    -- A ledger that nobody has founded yet is complete through no time at all.
    complete timestamptz := (select coalesce(min(p.recorded_before), '-infinity') from ledger.progress p);
begin
    if recorded >= complete then
        raise exception 'the ledger is complete only before %, so it cannot be read as of %', complete, recorded
            using errcode = 'invalid_parameter_value',
                  hint = 'Ask for an earlier recorded time, or for none to read all that is booked.';
    end if;
end
$$;
-- +goose StatementEnd
comment on function ledger.require_complete(timestamptz) is
    'Refuses a recorded time for which records may still come. It sees what the query that calls it sees, so nothing can come in between.';

-- The functions below run as the owner: analysts may not read the tables, and the views' names and decimals in every row would make sums slow. They
-- are planned anew at each call, because a plan that fits every question uses no index for one pot.

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
    last_month   smallint := ledger.month_of(recorded);
begin
    perform ledger.require_complete(recorded);
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
comment on function report.balances_as_of(date, timestamptz, text, integer) is
    'What each account held as of an effective date and a recorded time, each inclusive and optional, of all pots or of one. A recorded time for which records may still come is refused, so an answer never changes.';

-- +goose StatementBegin
create function report.holdings_as_of(
    effective date default null, recorded timestamptz default null, of_pot text default null, of_shard integer default null)
    returns table (shard smallint, pot text, asset text, available numeric, reserved numeric, pending numeric, settled numeric, payable numeric, total numeric)
    language sql stable as
$$
    select b.shard, b.pot, b.asset,
           coalesce(sum(b.balance) filter (where b.account = 'pot:available'), 0), coalesce(sum(b.balance) filter (where b.account = 'pot:reserved'), 0),
           coalesce(sum(b.balance) filter (where b.account = 'pot:pending'), 0), coalesce(sum(b.balance) filter (where b.account = 'pot:settled'), 0),
           coalesce(sum(b.balance) filter (where b.account = 'pot:payable'), 0), sum(b.balance)
    from report.balances_as_of(effective, recorded, of_pot, of_shard) b
    where b.pot is not null
    group by b.shard, b.pot, b.asset
    having bool_or(b.balance <> 0)
$$;
-- +goose StatementEnd
comment on function report.holdings_as_of(date, timestamptz, text, integer) is
    'What each pot held of each asset as of an effective date and a recorded time, with a column per account of the pot: cash in GBP, and units. total is their sum. A pot that held nothing of an asset has no row for it.';

-- +goose StatementBegin
create function report.postings_as_of(
    effective date default null, recorded timestamptz default null, of_pot text default null, of_shard integer default null)
    returns setof report.postings
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set plan_cache_mode = force_custom_plan
    set enable_partitionwise_join = on as
$$
declare
    wanted_shard smallint := coalesce(of_shard, report.shard_of(of_pot));
begin
    perform ledger.require_complete(recorded);
    return query
        select p.*
        from report.postings p
        where (effective is null or p.effective_on <= effective)
          and (recorded is null or p.recorded_at <= recorded)
          and (wanted_shard is null or p.shard = wanted_shard)
          and (of_pot is null or p.pot = of_pot);
end
$$;
-- +goose StatementEnd
comment on function report.postings_as_of(date, timestamptz, text, integer) is
    'The postings that were known at a recorded time and count for effective dates up to one, as report.postings shows them. They add up to report.balances_as_of of the same times.';

revoke all on function ledger.times_32(bigint, bigint), ledger.require_complete(timestamptz), report.shard_of(text),
    report.holdings_as_of(date, timestamptz, text, integer), report.postings_as_of(date, timestamptz, text, integer) from public;
grant execute on function report.shard_of(text),
    report.holdings_as_of(date, timestamptz, text, integer), report.postings_as_of(date, timestamptz, text, integer) to penstock_analyst, penstock_auditor;
