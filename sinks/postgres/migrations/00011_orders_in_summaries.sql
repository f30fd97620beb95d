-- +goose Up

-- Orders are looked up now and then, by a person who traces one; entries of a b-tree for that were a fifteenth of all that a posting takes, and each went to
-- a page of its own. A summary per 32 pages says which orders cannot be there: it takes a byte or so per posting, and one in a thousand is read in vain. As many
-- orders as fit into 32 pages where there is nothing but reservations keep within that. Months that come later take the index from the parent.
create index on ledger.posting using brin (order_id uuid_bloom_ops (n_distinct_per_range = 2048, false_positive_rate = 0.001))
    with (pages_per_range = 32) where order_id is not null and trade is null;

-- +goose StatementBegin
do $$
declare
    doomed regclass;
begin
    for doomed in
        select i.indexrelid::regclass
        from pg_index i
            join pg_class c on c.oid = i.indexrelid
            join pg_am a on a.oid = c.relam
            join pg_attribute k on k.attrelid = i.indrelid and k.attnum = i.indkey[0]
        where c.relnamespace = 'ledger'::regnamespace and a.amname = 'btree' and i.indnatts = 1 and k.attname = 'order_id'
    loop
        execute format('drop index %s', doomed);
    end loop;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace function ledger.ensure_partition(of_shard integer, of_month integer) returns void
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
    -- Entries of one journal's postings are kept as one, so this one is the smaller for not being unique.
    execute format('create index on ledger.%I (sequence) with (fillfactor = 100)', posting);
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
