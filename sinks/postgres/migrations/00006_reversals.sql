-- +goose Up

-- The months that are there, and those to come, take the column from their parent.
alter table ledger.posting add column reverses uuid;
comment on column ledger.posting.reverses is 'The journal of which the posting negates one, if it does.';
create index on ledger.posting (reverses) where reverses is not null;

create or replace view report.postings as
select p.shard, p.sequence, p.leg, j.id as journal_id, j.recorded_at, p.effective_on, j.pot, m.stage,
       a.code as asset, p.quantity * a.quantum as quantity, f.code as from_account, t.code as to_account,
       p.from_balance * a.quantum as from_balance, p.to_balance * a.quantum as to_balance,
       p.order_id, x.code as trade_id, s.code as source, j.cause, p.reverses
from ledger.journal j
    join ledger.posting p on p.shard = j.shard and p.month = j.month and p.sequence = j.sequence
    join ledger.source s on s.id = j.source
    join ledger.move m on m.id = p.move
    join ledger.asset a on a.id = m.asset
    join ledger.account f on f.id = m.from_account
    join ledger.account t on t.id = m.to_account
    left join ledger.trade x on x.id = p.trade;
comment on column report.postings.reverses is 'The journal of which the posting negates one, if it does.';

create view report.reversals as
select distinct p.reverses as journal_id, j.id as reversed_by, j.shard, j.pot, j.recorded_at, s.code as source, j.cause
from ledger.posting p
    join ledger.journal j on p.shard = j.shard and p.month = j.month and p.sequence = j.sequence
    join ledger.source s on s.id = j.source
where p.reverses is not null;
comment on view report.reversals is 'One row per journal of which postings were negated, and journal that did it.';
comment on column report.reversals.journal_id is 'The journal of which postings were negated; it stays as it was written.';

-- A piece counts as it was last told: a corrected one takes the place of what was priced.
create or replace view report.trades as
with told as (
    select *, event in ('priced', 'corrected') and "offset" = max("offset") filter (where event in ('priced', 'corrected')) over (partition by trade_id, piece) as stands
    from report.trade_events
)
select trade_id, min(day) as day, min(custodian) as custodian, min(asset) as asset, min(side) as side, min(ordered) as ordered,
       min(ordered_asset) as ordered_asset, min(orders) as orders, min(settles_on) as settles_on,
       (array_agg(event order by "offset" desc) filter (where event not in ('rest-carried', 'broken', 'mended', 'settlement-failed', 'corrected')))[1] as status,
       count(*) filter (where event = 'priced') as pieces,
       coalesce(sum(cash) filter (where stands), 0) as cash, coalesce(sum(units) filter (where stands), 0) as units,
       max(settled_on) as settled_on, max(reason) as reason
from told
group by trade_id;
comment on view report.trade_events is 'What became of each external trade: batched, placed, priced (once per piece), settled, rejected, deferred, carried or reversed; and, besides, rest-carried, broken, mended, settlement-failed, and corrected (once per piece and version of the price).';

grant select on report.reversals to penstock_analyst, penstock_auditor;
