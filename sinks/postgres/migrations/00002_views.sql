-- +goose Up

comment on schema report is
    'What analysts read. Quantities are numeric, in pounds or units; times are recorded times in UTC; ids are opaque.';

create view report.journals as
select j.shard, j.sequence, j.id as journal_id, j.recorded_at, j.pot, s.code as source, j.cause,
       t.code as topic, j.record_partition as partition, j.record_offset as "offset", r.code as rules, j.hash
from ledger.journal j
    join ledger.source s on s.id = j.source
    join ledger.topic t on t.id = j.record_topic
    join ledger.rules r on r.id = j.rules;
comment on view report.journals is 'One row per journal: all the postings that one message made on one pot, or (without a pot) on a shard''s own accounts.';
comment on column report.journals.sequence is 'Number of the journal in its shard, from 1 without gaps.';
comment on column report.journals.cause is 'The sender''s id of what caused the journal.';
comment on column report.journals."offset" is 'With topic and partition: the ingest record that caused the journal.';
comment on column report.journals.hash is 'SHA-256 over the journal and the hash of its predecessor in the shard.';

create view report.postings as
select p.shard, p.sequence, p.leg, j.id as journal_id, j.recorded_at, p.effective_on, j.pot, m.stage,
       a.code as asset, p.quantity * a.quantum as quantity, f.code as from_account, t.code as to_account,
       p.from_balance * a.quantum as from_balance, p.to_balance * a.quantum as to_balance,
       p.order_id, x.code as trade_id, s.code as source, j.cause
from ledger.journal j
    join ledger.posting p on p.shard = j.shard and p.month = j.month and p.sequence = j.sequence
    join ledger.source s on s.id = j.source
    join ledger.move m on m.id = p.move
    join ledger.asset a on a.id = m.asset
    join ledger.account f on f.id = m.from_account
    join ledger.account t on t.id = m.to_account
    left join ledger.trade x on x.id = p.trade;
comment on view report.postings is 'One row per posting: a quantity of one asset that moved from one account to another.';
comment on column report.postings.effective_on is 'The day for which the posting counts; recorded_at is when it was made.';
comment on column report.postings.from_balance is 'Balance of the source account after the posting, where it is the pot''s.';
comment on column report.postings.to_balance is 'Balance of the destination account after the posting, where it is the pot''s.';
comment on column report.postings.order_id is 'The order that the posting serves; an order is opened by the posting of stage reserved.';

create view report.entries as
select p.shard, p.sequence, p.leg, j.recorded_at, p.effective_on, j.pot as journal_pot,
       case when c.of_pot then j.pot end as pot, c.code as account,
       a.code as asset, a.scale, e.sign * p.quantity as quanta, e.sign * p.quantity * a.quantum as amount
from ledger.journal j
    join ledger.posting p on p.shard = j.shard and p.month = j.month and p.sequence = j.sequence
    join ledger.move m on m.id = p.move
    join ledger.asset a on a.id = m.asset
    cross join lateral (values (-1, m.from_account), (1, m.to_account)) as e (sign, account)
    join ledger.account c on c.id = e.account;
comment on view report.entries is 'Two rows per posting, one per account that it changes; amounts add up to balances.';
comment on column report.entries.pot is 'The pot that owns the account; none for accounts of the shard.';
comment on column report.entries.journal_pot is 'The pot whose journal it is, also for accounts of the shard.';
comment on column report.entries.quanta is 'The amount in whole quanta, of which 10 to the power of scale make one.';

create view report.balances as
select j.pot, c.code as account, a.code as asset, sum(e.sign * p.quantity) * a.quantum as balance, max(j.recorded_at) as changed_at, j.shard
from ledger.journal j
    join ledger.posting p on p.shard = j.shard and p.month = j.month and p.sequence = j.sequence
    join ledger.move m on m.id = p.move
    join ledger.asset a on a.id = m.asset
    cross join lateral (values (-1, m.from_account), (1, m.to_account)) as e (sign, account)
    join ledger.account c on c.id = e.account
where c.of_pot
group by j.pot, j.shard, c.code, a.code, a.quantum;
comment on view report.balances is 'What each pot holds, by account and asset, with all that is booked.';
comment on column report.balances.shard is 'The pot''s shard, always the same; naming it makes looking for a pot faster in a big ledger.';

create view report.contra_balances as
select p.shard, c.code as account, a.code as asset, sum(e.sign * p.quantity) * a.quantum as balance
from ledger.posting p
    join ledger.move m on m.id = p.move
    join ledger.asset a on a.id = m.asset
    cross join lateral (values (-1, m.from_account), (1, m.to_account)) as e (sign, account)
    join ledger.account c on c.id = e.account
where not c.of_pot
group by p.shard, c.code, a.code, a.quantum;
comment on view report.contra_balances is
    'Balances of the scheme''s, custodians'' and bank''s accounts, per shard. With report.balances they add up to 0 for every asset.';

create view report.rounding as
select a.code as asset, p.effective_on, x.code as trade_id, sum(e.sign * p.quantity) * a.quantum as movement,
       sum(sum(e.sign * p.quantity)) over (partition by a.code order by p.effective_on, x.code) * a.quantum as balance
from ledger.posting p
    join ledger.move m on m.id = p.move
    join ledger.asset a on a.id = m.asset
    cross join lateral (values (-1, m.from_account), (1, m.to_account)) as e (sign, account)
    join ledger.account c on c.id = e.account
    left join ledger.trade x on x.id = p.trade
where c.code = 'scheme:rounding'
group by a.code, a.quantum, p.effective_on, x.code;
comment on view report.rounding is 'What each trade left over to the scheme''s rounding accounts, with the running balance per asset.';

create view report.trade_events as
select e.record_offset as "offset", e.id as event_id, t.code as trade_id, e.event, e.recorded_at, e.day, e.custodian, a.code as asset, e.side,
       e.ordered * o.quantum as ordered, o.code as ordered_asset, e.orders, e.root, e.settles_on, e.piece, e.final,
       e.cash * 0.01 as cash, e.units * a.quantum as units, e.price * 0.00000001 as price, e.price_version,
       e.settled_on, e.confirmation, e.reason
from ledger.trade_event e
    join ledger.trade t on t.id = e.trade
    join ledger.asset a on a.id = e.asset
    join ledger.asset o on o.id = e.ordered_asset;
comment on view report.trade_events is 'What became of each external trade: batched, placed, priced (once per piece), settled or rejected.';
comment on column report.trade_events.root is 'Merkle root over the member orders; published before the trade is placed.';

create view report.trades as
select trade_id, min(day) as day, min(custodian) as custodian, min(asset) as asset, min(side) as side, min(ordered) as ordered,
       min(ordered_asset) as ordered_asset, min(orders) as orders, min(settles_on) as settles_on,
       (array_agg(event order by "offset" desc))[1] as status,
       count(*) filter (where event = 'priced') as pieces,
       coalesce(sum(cash) filter (where event = 'priced'), 0) as cash, coalesce(sum(units) filter (where event = 'priced'), 0) as units,
       max(settled_on) as settled_on, max(reason) as reason
from report.trade_events
group by trade_id;
comment on view report.trades is 'One row per external trade, with its last event as status and the cash and units of its pieces so far.';

create view report.progress as
select p.shard, q.sequence as booked, p.sequence as complete, p.recorded_before, q.recorded_at as last_recorded_at
from ledger.progress p
    join ledger.position q on q.topic = 'ledger.journal.v1' and q.partition = p.shard;
comment on view report.progress is 'Per shard: journals booked so far, and the recorded time before which nothing can come any more.';

create view report.complete_through as
select min(recorded_before) as complete_through from ledger.progress;
comment on view report.complete_through is 'Everything recorded before this time is booked, in every shard. As-of reads of earlier times never change.';

-- +goose StatementBegin
create function report.balances_as_of(
    effective date default null, recorded timestamptz default null, of_pot text default null, of_shard integer default null)
    returns table (shard smallint, pot text, account text, asset text, balance numeric)
    language plpgsql stable as
$$
declare
    complete timestamptz := (select complete_through from report.complete_through);
begin
    if recorded >= complete then
        raise exception 'the ledger is complete only before %, so it cannot be read as of %', complete, recorded
            using errcode = 'invalid_parameter_value',
                  hint = 'Ask for an earlier recorded time, or for none to read all that is booked.';
    end if;
    return query
        select e.shard, e.pot, e.account, e.asset, sum(e.amount)
        from report.entries e
        where (effective is null or e.effective_on <= effective)
          and (recorded is null or e.recorded_at <= recorded)
          and (of_shard is null or e.shard = of_shard)
          and (of_pot is null or (e.journal_pot = of_pot and e.pot is not null))
        group by e.shard, e.pot, e.account, e.asset;
end
$$;
-- +goose StatementEnd
comment on function report.balances_as_of(date, timestamptz, text, integer) is
    'All balances as of an effective date and a recorded time, each inclusive and optional. A recorded time for which records may still come is refused, so an answer never changes.';

grant usage on schema report to penstock_analyst, penstock_auditor;
grant select on all tables in schema report to penstock_analyst, penstock_auditor;
revoke all on function report.balances_as_of(date, timestamptz, text, integer) from public;
grant execute on function report.balances_as_of(date, timestamptz, text, integer) to penstock_analyst, penstock_auditor;
