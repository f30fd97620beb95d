-- +goose Up

comment on schema ledger is
    'The authoritative double-entry ledger. Rows are added, never changed. Readers use the views in schema report.';

create table ledger.system (
    single     boolean     primary key default true check (single),
    shards     smallint    not null check (shards between 1 and 4096),
    cluster    text        not null,
    founded_at timestamptz not null default now()
);
comment on table ledger.system is 'What was chosen when the ledger was founded and can never change in place.';

-- Codes that recur in every row are stored once, under a number.
create table ledger.asset (
    id      smallint generated always as identity primary key,
    code    text     not null unique,
    scale   smallint not null check (scale between 0 and 6),
    quantum numeric  not null generated always as (round(power(10::numeric, -scale::integer), scale::integer)) stored
);
comment on table ledger.asset is 'Assets and the currency; a quantity is a whole number of quanta.';
create table ledger.account (
    id     smallint generated always as identity primary key,
    code   text     not null unique,
    of_pot boolean  not null generated always as (code like 'pot:%') stored
);
comment on table ledger.account is 'Account codes. Those that begin with pot: belong to the pot of the journal, all others to its shard.';
create table ledger.topic  (id smallint generated always as identity primary key, code text not null unique);
create table ledger.rules  (id smallint generated always as identity primary key, code text not null unique);
create table ledger.source (id integer  generated always as identity primary key, code text not null unique);
create table ledger.trade  (id integer  generated always as identity primary key, code uuid not null unique);
create table ledger.move (
    id           smallint generated always as identity (minvalue -32768 start -32768) primary key,
    stage        text     not null,
    asset        smallint not null references ledger.asset,
    from_account smallint not null references ledger.account,
    to_account   smallint not null references ledger.account,
    check (to_account <> from_account),
    unique (asset, stage, from_account, to_account)
);
comment on table ledger.move is
    'What a posting does: its stage, asset, source account and destination account. There are some dozens per asset, and room for 65536.';

-- Columns stand in the order of their alignment, so that no byte of a row is padding.
create table ledger.journal (
    sequence         bigint      not null check (sequence > 0),
    recorded_at      timestamptz not null,
    record_offset    bigint      not null,
    record_partition integer     not null,
    source           integer     not null,
    shard            smallint    not null,
    month            smallint    not null,
    record_topic     smallint    not null,
    rules            smallint    not null,
    id               uuid        not null,
    hash             bytea       not null check (length(hash) = 32),
    cause            text        not null,
    pot              text
) partition by list (shard);
comment on table ledger.journal is
    'One row per journal. month counts from January 1970 (UTC) and follows from recorded_at. The hash before a journal is the hash of its predecessor in the shard.';

create table ledger.posting (
    sequence     bigint   not null,
    quantity     bigint   not null check (quantity > 0),
    from_balance bigint,
    to_balance   bigint,
    effective_on date     not null,
    trade        integer,
    shard        smallint not null,
    month        smallint not null,
    leg          smallint not null check (leg > 0),
    move         smallint not null,
    order_id     uuid
) partition by list (shard);
comment on table ledger.posting is
    'One row per posting of the journal with the same shard, month and sequence. Quantities are whole quanta of the asset.';

create table ledger.trade_event (
    record_offset bigint      primary key,
    id            uuid        not null unique,
    trade         integer     not null references ledger.trade,
    event         text        not null,
    recorded_at   timestamptz not null,
    day           date        not null,
    custodian     text        not null,
    asset         smallint    not null references ledger.asset,
    side          text        not null check (side in ('BUY', 'SELL')),
    ordered       bigint      not null,
    ordered_asset smallint    not null references ledger.asset,
    orders        bigint      not null,
    root          bytea       not null check (length(root) = 32),
    settles_on    date        not null,
    piece         integer     not null,
    final         boolean     not null,
    cash          bigint      not null,
    units         bigint      not null,
    price         bigint,
    price_version integer     not null,
    settled_on    date,
    confirmation  text        not null,
    reason        text        not null
);
create index on ledger.trade_event (trade);
comment on table ledger.trade_event is 'What became of each external trade, in the order of ledger.trade.v1. price is in quanta of 0.00000001.';
create table ledger.trade_part (
    record_offset bigint   not null references ledger.trade_event,
    shard         smallint not null,
    weight        bigint   not null,
    orders        bigint   not null,
    root          bytea    not null check (length(root) = 32),
    primary key (record_offset, shard)
);
comment on table ledger.trade_part is 'What each shard froze of a trade; weight is in quanta of what the trade orders.';

create table ledger.position (
    topic       text        not null,
    partition   smallint    not null,
    epoch       bigint      not null default 0,
    next_offset bigint      not null default 0,
    sequence    bigint      not null default 0,
    head        bytea       not null default decode(repeat('00', 32), 'hex') check (length(head) = 32),
    recorded_at timestamptz not null default '-infinity',
    claimed_by  text        not null default '',
    claimed_at  timestamptz,
    primary key (topic, partition)
);
comment on table ledger.position is
    'How far each partition of the ledger topics is booked. Whoever claims a partition raises its epoch and so shuts the former owner out.';

create table ledger.progress (
    shard           smallint    primary key,
    sequence        bigint      not null default 0,
    recorded_before timestamptz not null default '-infinity'
);
comment on table ledger.progress is 'Per shard: all journals recorded before this time are booked.';

-- +goose StatementBegin
create function ledger.month_of(at timestamptz) returns smallint
    language sql immutable strict parallel safe as
$$ select ((extract(year from at at time zone 'UTC') - 1970) * 12 + extract(month from at at time zone 'UTC') - 1)::smallint $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function ledger.refuse_change() returns trigger
    language plpgsql as
$$
begin
    raise exception 'ledger.% is append-only: % is refused', tg_table_name, lower(tg_op)
        using errcode = 'integrity_constraint_violation',
              hint = 'A mistake is corrected by a new journal that reverses the old one.';
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function ledger.protect(protected regclass) returns void
    language plpgsql as
$$
begin
    execute format('create trigger append_only before update or delete or truncate on %s for each statement execute function ledger.refuse_change()', protected);
    -- Also when the session plays replication, which skips ordinary triggers.
    execute format('alter table %s enable always trigger append_only', protected);
end
$$;
-- +goose StatementEnd
select ledger.protect(name::regclass) from unnest(array[
    'ledger.system', 'ledger.asset', 'ledger.account', 'ledger.topic', 'ledger.rules', 'ledger.source',
    'ledger.trade', 'ledger.move', 'ledger.journal', 'ledger.posting', 'ledger.trade_event', 'ledger.trade_part']) as name;

-- +goose StatementBegin
create function ledger.found(wanted_shards integer, wanted_cluster text) returns ledger.system
    language plpgsql security definer set search_path = pg_catalog, pg_temp as
$$
declare
    facts ledger.system;
begin
    -- Two processes that start together must not both find it missing.
    perform pg_advisory_xact_lock(hashtext('ledger.found'));
    select * into facts from ledger.system;
    if found then
        return facts;
    end if;
    insert into ledger.system (shards, cluster) values (wanted_shards, wanted_cluster) returning * into facts;
    for s in 0 .. wanted_shards - 1 loop
        execute format('create table ledger.%I partition of ledger.journal for values in (%s) partition by range (month)', 'journal_' || s, s);
        execute format('create table ledger.%I partition of ledger.posting for values in (%s) partition by range (month)', 'posting_' || s, s);
        perform ledger.protect(format('ledger.%I', 'journal_' || s)::regclass);
        perform ledger.protect(format('ledger.%I', 'posting_' || s)::regclass);
        execute format('grant select on ledger.%I, ledger.%I to penstock_auditor', 'journal_' || s, 'posting_' || s);
        insert into ledger.position (topic, partition) values ('ledger.journal.v1', s), ('ledger.progress.v1', s);
        insert into ledger.progress (shard) values (s);
    end loop;
    insert into ledger.position (topic, partition) values ('ledger.trade.v1', 0);
    return facts;
end
$$;
-- +goose StatementEnd
comment on function ledger.found(integer, text) is 'Founds the ledger, once; afterwards returns what it was founded with.';

-- +goose StatementBegin
create function ledger.ensure_partition(of_shard integer, of_month integer) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as
$$
declare
    suffix  text := of_shard || '_' || to_char(make_date(1970 + of_month / 12, of_month % 12 + 1, 1), 'YYYY_MM');
    journal text := 'journal_' || suffix;
    posting text := 'posting_' || suffix;
begin
    if to_regclass('ledger.' || posting) is not null then
        return;
    end if;
    if of_month < 0 or not exists (select from ledger.system where of_shard between 0 and shards - 1) then
        raise exception 'there is no shard % or no month %', of_shard, of_month using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtext('ledger.ensure_partition'), of_shard);
    if to_regclass('ledger.' || posting) is not null then
        return;
    end if;
    -- Attaching a finished table lets readers of the parent go on; creating it as a partition would lock them out.
    execute format('create table ledger.%I (like ledger.journal including constraints including comments)', journal);
    execute format('create table ledger.%I (like ledger.posting including constraints including comments)', posting);
    -- Each of these tables is one shard and one month, so the indexes need not repeat them.
    execute format('create unique index on ledger.%I (sequence) with (fillfactor = 100)', journal);
    execute format('create unique index on ledger.%I (id)', journal);
    execute format('create index on ledger.%I (pot)', journal);
    execute format('create index on ledger.%I (sequence) with (fillfactor = 100)', posting);
    -- An order is found by the posting that reserved for it; the rest of its postings are in journals of the same pot.
    execute format('create index on ledger.%I (order_id) where order_id is not null and trade is null', posting);
    -- Of a trade the outside legs are found, few per shard; its members' postings are found by their orders.
    execute format('create index on ledger.%I (trade) where trade is not null and order_id is null', posting);
    perform ledger.protect(format('ledger.%I', journal)::regclass);
    perform ledger.protect(format('ledger.%I', posting)::regclass);
    execute format('grant insert on ledger.%I, ledger.%I to penstock_sink', journal, posting);
    execute format('grant select on ledger.%I, ledger.%I to penstock_auditor', journal, posting);
    execute format('alter table ledger.%I attach partition ledger.%I for values from (%s) to (%s)', 'journal_' || of_shard, journal, of_month, of_month + 1);
    execute format('alter table ledger.%I attach partition ledger.%I for values from (%s) to (%s)', 'posting_' || of_shard, posting, of_month, of_month + 1);
end
$$;
-- +goose StatementEnd
comment on function ledger.ensure_partition(integer, integer) is 'Makes the tables of a shard and month where they are missing.';

revoke all on function ledger.found(integer, text), ledger.ensure_partition(integer, integer), ledger.protect(regclass) from public;
grant execute on function ledger.found(integer, text), ledger.ensure_partition(integer, integer) to penstock_sink;

grant usage on schema ledger to penstock_sink, penstock_auditor;
grant select, insert on ledger.asset, ledger.account, ledger.topic, ledger.rules, ledger.source, ledger.trade, ledger.move to penstock_sink;
grant insert on ledger.trade_event, ledger.trade_part to penstock_sink;
grant select on ledger.system, ledger.position, ledger.progress to penstock_sink;
grant update (epoch, next_offset, sequence, head, recorded_at, claimed_by, claimed_at) on ledger.position to penstock_sink;
grant update (sequence, recorded_before) on ledger.progress to penstock_sink;
grant select on all tables in schema ledger to penstock_auditor;
