-- +goose Up
create or replace view report.trades as
select trade_id, min(day) as day, min(custodian) as custodian, min(asset) as asset, min(side) as side, min(ordered) as ordered,
       min(ordered_asset) as ordered_asset, min(orders) as orders, min(settles_on) as settles_on,
       (array_agg(event order by "offset" desc) filter (where event not in ('rest-carried', 'broken', 'mended', 'settlement-failed')))[1] as status,
       count(*) filter (where event = 'priced') as pieces,
       coalesce(sum(cash) filter (where event = 'priced'), 0) as cash, coalesce(sum(units) filter (where event = 'priced'), 0) as units,
       max(settled_on) as settled_on, max(reason) as reason
from report.trade_events
group by trade_id;
comment on view report.trades is 'One row per external trade, with how far it is, and the cash and units of its pieces so far.';
comment on view report.trade_events is 'What became of each external trade: batched, placed, priced (once per piece), settled, rejected, deferred, carried or reversed; and, besides, rest-carried, broken, mended and settlement-failed.';
