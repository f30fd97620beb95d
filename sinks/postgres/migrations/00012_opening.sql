-- +goose Up

-- Months may leave the ledger once an archive has them. What they came to stays: where each shard's chain now begins, and by how much each account had
-- changed. That is the opening. It is in tables of its own, so that nothing looks like a movement that no message caused. Each act of dropping months adds an
-- opening of those months alone; the balance carried forward is the sum over all acts. So no row is ever replaced, and each opening can be worked out anew from
-- the archive of its act.

create table ledger.dropped (
    act         integer     primary key check (act > 0),
    first_month smallint    not null,
    last_month  smallint    not null unique,
    begins_at   timestamptz not null generated always as
        (make_date(1970 + (last_month + 1) / 12, (last_month + 1) % 12 + 1, 1)::timestamp at time zone 'UTC') stored,
    dropped_at  timestamptz not null default now(),
    operator    text        not null check (operator <> ''),
    reason      text        not null check (reason <> ''),
    archive     text        not null check (archive <> ''),
    manifest    bytea       not null check (length(manifest) = 32),
    check (last_month >= first_month)
);
comment on table ledger.dropped is
    'Each act of dropping months: which, when, by whom, why, and the archive that has them (the name of its folder and the SHA-256 of its manifest). Months count from January 1970. Who drops months locks this table, and who reads more than once in one snapshot locks it against that.';
comment on column ledger.dropped.begins_at is 'The first moment of recorded time after the dropped months.';

create table ledger.opening_head (
    act         integer     not null references ledger.dropped,
    shard       smallint    not null,
    sequence    bigint      not null check (sequence >= 0),
    head        bytea       not null check (length(head) = 32),
    recorded_at timestamptz not null,
    digest      bytea       not null check (length(digest) = 32),
    primary key (act, shard)
);
comment on table ledger.opening_head is
    'The last journal of each shard in the months that an act dropped: the chain goes on from there. digest is the SHA-256 over all that the act left of the shard.';

create table ledger.opening (
    quanta       bigint      not null,
    changed_at   timestamptz not null,
    effective_on date        not null,
    act          integer     not null,
    shard        smallint    not null,
    account      smallint    not null,
    asset        smallint    not null,
    pot          text
) partition by list (act);
comment on table ledger.opening is
    'By how much the postings that an act dropped had changed each account. What counts for a day in the dropped months or before has the last of these days; what counts for a later day has its own. A part per act: opening_1, opening_2.';

create table ledger.opening_order (
    act      integer  not null,
    shard    smallint not null,
    order_id uuid     not null,
    primary key (act, shard, order_id)
);
create index on ledger.opening_order (order_id);
comment on table ledger.opening_order is 'Orders that reserved in the months that an act dropped, and were not dealt to their end there.';
create table ledger.opening_trade (
    act   integer  not null,
    shard smallint not null,
    trade integer  not null references ledger.trade,
    primary key (act, shard, trade)
);
create index on ledger.opening_trade (trade);
comment on table ledger.opening_trade is 'External trades of which an act dropped postings.';

select ledger.protect(name::regclass) from unnest(array[
    'ledger.dropped', 'ledger.opening_head', 'ledger.opening', 'ledger.opening_order', 'ledger.opening_trade']) as name;
grant select on ledger.dropped, ledger.opening_head, ledger.opening, ledger.opening_order, ledger.opening_trade to penstock_auditor;

-- +goose StatementBegin
create function ledger.month_name(of_month integer) returns text
    language sql immutable strict parallel safe as
$$ select to_char(make_date(1970 + of_month / 12, of_month % 12 + 1, 1), 'YYYY-MM') $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function ledger.require_opened(effective date, recorded timestamptz) returns void
    language plpgsql stable as
$$
declare
    begins timestamptz := (select max(d.begins_at) from ledger.dropped d);
    last_day date := (begins at time zone 'UTC')::date - 1;
    asked  timestamptz;
    kept   ledger.dropped;
begin
    if recorded < begins or effective < last_day then
        asked := least(case when recorded < begins then recorded end, case when effective < last_day then effective::timestamp at time zone 'UTC' end);
        select * into kept from ledger.dropped d where d.begins_at > asked order by d.act limit 1;
        raise exception 'the ledger begins at %, so it cannot be read as of %: the months % to % are in archive %',
            begins, coalesce(to_char(nullif(asked, '-infinity') at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'), 'a time before all others'),
            ledger.month_name(kept.first_month), ledger.month_name(kept.last_month), kept.archive
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Read the archives back through that one into a database of their own (penstock ledger load), and ask there.';
    end if;
end
$$;
-- +goose StatementEnd
comment on function ledger.require_opened(date, timestamptz) is
    'Refuses a recorded time before the ledger begins, and an effective date before the last day of the months that were dropped: only their archive knows.';

-- A snapshot that is older than an act does not see its opening, yet the tables of the months are gone for everybody. Whoever adds up postings asks this when the tables
-- are locked: to_regclass looks at what is there now, and the part of the opening that the next act makes tells of it.
-- +goose StatementBegin
create function ledger.is_current() returns boolean
    language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp as
$$
begin
    if to_regclass('ledger.opening_' || (select coalesce(max(d.act), 0) + 1 from ledger.dropped d)) is not null then
        raise exception 'months were dropped from the ledger since this transaction began to read'
            using errcode = 'serialization_failure', hint = 'Ask again, in a new transaction.';
    end if;
    return true;
end
$$;
-- +goose StatementEnd
comment on function ledger.is_current() is 'True; refuses to let a transaction go on that began to read before months were dropped.';
revoke all on function ledger.is_current(), ledger.require_opened(date, timestamptz), ledger.month_name(integer) from public;
grant execute on function ledger.is_current(), ledger.month_name(integer) to penstock_analyst, penstock_auditor;

create or replace view report.balances as
select s.pot, c.code as account, a.code as asset, sum(s.quanta) * a.quantum as balance, max(s.changed_at) as changed_at, s.shard
from (
        select j.pot, j.shard, m.asset, e.account, e.sign * p.quantity as quanta, j.recorded_at as changed_at
        from ledger.journal j
            join ledger.posting p on p.shard = j.shard and p.month = j.month and p.sequence = j.sequence
            join ledger.move m on m.id = p.move
            cross join lateral (values (-1, m.from_account), (1, m.to_account)) as e (sign, account)
        where ledger.is_current()
        union all
        select o.pot, o.shard, o.asset, o.account, o.quanta, o.changed_at from ledger.opening o
    ) as s
    join ledger.asset a on a.id = s.asset
    join ledger.account c on c.id = s.account
where c.of_pot
group by s.pot, s.shard, c.code, a.code, a.quantum;

create or replace view report.contra_balances as
select s.shard, c.code as account, a.code as asset, sum(s.quanta) * a.quantum as balance
from (
        select p.shard, m.asset, e.account, e.sign * p.quantity as quanta
        from ledger.posting p
            join ledger.move m on m.id = p.move
            cross join lateral (values (-1, m.from_account), (1, m.to_account)) as e (sign, account)
        where ledger.is_current()
        union all
        select o.shard, o.asset, o.account, o.quanta from ledger.opening o
    ) as s
    join ledger.asset a on a.id = s.asset
    join ledger.account c on c.id = s.account
where not c.of_pot
group by s.shard, c.code, a.code, a.quantum;

create or replace view report.rounding as
select a.code as asset, s.effective_on, x.code as trade_id, sum(s.quanta) * a.quantum as movement,
       sum(sum(s.quanta)) over (partition by a.code order by s.effective_on, x.code) * a.quantum as balance
from (
        select m.asset, e.account, p.effective_on, p.trade, e.sign * p.quantity as quanta
        from ledger.posting p
            join ledger.move m on m.id = p.move
            cross join lateral (values (-1, m.from_account), (1, m.to_account)) as e (sign, account)
        where ledger.is_current()
        union all
        select o.asset, o.account, o.effective_on, null, o.quanta from ledger.opening o where o.pot is null
    ) as s
    join ledger.asset a on a.id = s.asset
    join ledger.account c on c.id = s.account
    left join ledger.trade x on x.id = s.trade
where c.code = 'scheme:rounding'
group by a.code, a.quantum, s.effective_on, x.code;
comment on view report.rounding is
    'What each trade left over to the scheme''s rounding accounts, with the running balance per asset. What dropped months left over is one row per asset, without a trade.';

create view report.openings as
select d.act, ledger.month_name(d.first_month) as first_month, ledger.month_name(d.last_month) as last_month, d.begins_at, d.archive,
       encode(d.manifest, 'hex') as manifest, d.dropped_at, d.operator, d.reason
from ledger.dropped d;
comment on view report.openings is 'One row per act by which months were dropped from the ledger, the oldest first. What these months came to counts in every balance; their journals are in the archive.';
comment on column report.openings.act is 'Number of the act, from 1.';
comment on column report.openings.first_month is 'The first month of recorded time that was dropped, as 2008-03.';
comment on column report.openings.last_month is 'The last month of recorded time that was dropped.';
comment on column report.openings.begins_at is 'The recorded time from which on journals are in the ledger since then. Earlier times, and effective dates before the day before, are refused.';
comment on column report.openings.archive is 'Name of the archive that has the months.';
comment on column report.openings.manifest is 'SHA-256 of that archive''s manifest.json.';
comment on column report.openings.dropped_at is 'When it was done.';
comment on column report.openings.operator is 'Who did it.';
comment on column report.openings.reason is 'Why.';

create view report.opening_balances as
select o.act, o.shard, o.pot, c.code as account, a.code as asset, o.effective_on, o.quanta * a.quantum as amount
from ledger.opening o
    join ledger.account c on c.id = o.account
    join ledger.asset a on a.id = o.asset;
comment on view report.opening_balances is 'By how much the journals of dropped months had changed each account. With report.entries they add up to balances.';
comment on column report.opening_balances.act is 'The act that dropped the months, as in report.openings.';
comment on column report.opening_balances.shard is 'The shard.';
comment on column report.opening_balances.pot is 'The pot that owns the account; none for accounts of the shard.';
comment on column report.opening_balances.account is 'The account.';
comment on column report.opening_balances.asset is 'The asset, or the currency.';
comment on column report.opening_balances.effective_on is 'The last day of the dropped months, for all that counts for that day or before; else the day for which it counts.';
comment on column report.opening_balances.amount is 'By how much the account had changed, in pounds or units.';

grant select on report.openings, report.opening_balances to penstock_analyst, penstock_auditor;

comment on view report.journals is 'One row per journal: all the postings that one message made on one pot, or (without a pot) on a shard''s own accounts. Those of dropped months (report.openings) are not here.';
comment on view report.postings is 'One row per posting: a quantity of one asset that moved from one account to another. Those of dropped months (report.openings) are not here.';
comment on view report.entries is 'Two rows per posting, one per account that it changes; with report.opening_balances, amounts add up to balances.';

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
    perform ledger.require_opened(effective, recorded);
    last_month := ledger.month_of(greatest(recorded, '1970-01-01 00:00Z'));
    return query
        with side as (
            select m.id as move, m.asset, e.sign, e.account, c.of_pot as is_pots
            from ledger.move m
                cross join lateral (values (-1, m.from_account), (1, m.to_account)) as e (sign, account)
                join ledger.account c on c.id = e.account
        ), change as (
            select p.shard as in_shard, case when s.is_pots then j.pot end as owner, s.account as account_id, s.asset as asset_id, s.sign * p.quantity as quanta
            from ledger.journal j
                join ledger.posting p on p.shard = j.shard and p.month = j.month and p.sequence = j.sequence
                join side s on s.move = p.move
            where (effective is null or p.effective_on <= effective)
              and (recorded is null or j.recorded_at <= recorded and j.month <= last_month and p.month <= last_month)
              and (wanted_shard is null or j.shard = wanted_shard)
              and (of_pot is null or j.pot = of_pot and s.is_pots)
            union all
            select o.shard, o.pot, o.account, o.asset, o.quanta
            from ledger.opening o
            where (effective is null or o.effective_on <= effective)
              and (wanted_shard is null or o.shard = wanted_shard)
              and (of_pot is null or o.pot = of_pot)
        ), summed as (
            select t.in_shard, t.owner, t.account_id, t.asset_id, sum(t.quanta) as quanta
            from change t group by t.in_shard, t.owner, t.account_id, t.asset_id
        )
        select t.in_shard, t.owner, c.code, a.code, t.quanta * a.quantum
        from summed t
            join ledger.account c on c.id = t.account_id
            join ledger.asset a on a.id = t.asset_id;
    perform ledger.is_current();
end
$$;
-- +goose StatementEnd
comment on function report.balances_as_of(date, timestamptz, text, integer) is
    'What each account held as of an effective date and a recorded time, each inclusive and optional, of all pots or of one. A recorded time for which records may still come is refused, so an answer never changes; so is a time of which only an archive knows (report.openings).';

-- +goose StatementBegin
create or replace function report.postings_as_of(
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
    perform ledger.require_opened(effective, recorded);
    return query
        select p.*
        from report.postings p
        where (effective is null or p.effective_on <= effective)
          and (recorded is null or p.recorded_at <= recorded)
          and (wanted_shard is null or p.shard = wanted_shard)
          and (of_pot is null or p.pot = of_pot);
    perform ledger.is_current();
end
$$;
-- +goose StatementEnd
comment on function report.postings_as_of(date, timestamptz, text, integer) is
    'The postings that were known at a recorded time and count for effective dates up to one, as report.postings shows them. With report.opening_balances, if months were dropped, they add up to report.balances_as_of of the same times.';
