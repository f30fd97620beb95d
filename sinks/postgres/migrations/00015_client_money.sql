-- +goose Up

-- The bank must hold at least what is the members', and what has to be paid out for them: the requirement. What it holds is the resource. Both follow from the postings, which
-- are the same for ever as of a recorded time; events of trades may still come for such a time, so they are asked only of trades whose postings were dropped in part.

-- +goose StatementBegin
create function report.client_money_as_of(recorded timestamptz default null, first_day date default null, last_day date default null)
    returns table (day date, available numeric, reserved numeric, payable numeric, suspense numeric, in_transit numeric, unsettled_buys numeric,
                   requirement numeric, resource numeric, surplus numeric, sale_proceeds numeric, scheme_cash numeric, custodians_owe numeric)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set plan_cache_mode = force_custom_plan
    set enable_partitionwise_join = on as
$$
declare
    -- What counts for an earlier day is in the row of this one: the first day asked for, or the one before the ledger begins.
    from_day   date := greatest(first_day, (select (max(d.begins_at) at time zone 'UTC')::date - 1 from ledger.dropped d));
    last_month smallint;
begin
    if last_day < first_day then
        raise exception 'the last day, %, lies before the first, %', last_day, first_day using errcode = 'invalid_parameter_value';
    end if;
    perform ledger.require_complete(recorded);
    perform ledger.require_opened(least(first_day, last_day), recorded);
    last_month := ledger.month_of(greatest(recorded, '1970-01-01 00:00Z'));
    return query
        with cash as (
            select a.id, a.quantum from ledger.asset a where a.code = 'GBP'
        ), kind as (
            select c.id as account, case
                    when c.code in ('pot:available', 'pot:reserved', 'pot:payable', 'pot:pending', 'scheme:suspense', 'bank:in-transit', 'bank:client-money') then c.code
                    when c.code like 'custodian/%:cash-owed' then 'owed'
                    when c.code like 'scheme:%' then 'scheme'
                end as name
            from ledger.account c
        ), side as (
            select m.id as move, e.sign, k.name
            from ledger.move m
                join cash on cash.id = m.asset
                cross join lateral (values (-1, m.from_account), (1, m.to_account)) as e (sign, account)
                join kind k on k.account = e.account
        ), change as (
            select greatest(p.effective_on, from_day) as on_day, s.name, case when s.name = 'owed' then p.trade end as of_trade, sum(s.sign * p.quantity) as quanta
            from ledger.journal j
                join ledger.posting p on p.shard = j.shard and p.month = j.month and p.sequence = j.sequence
                join side s on s.move = p.move
            where (recorded is null or j.recorded_at <= recorded and j.month <= last_month and p.month <= last_month)
              and (last_day is null or p.effective_on <= last_day)
            group by 1, 2, 3
            union all
            select greatest(o.effective_on, from_day), k.name, null, sum(o.quanta)
            from ledger.opening o
                join cash on cash.id = o.asset
                join kind k on k.account = o.account
            where last_day is null or o.effective_on <= last_day
            group by 1, 2
        ), owed as (
            select h.on_day, h.of_trade, sum(sum(h.quanta)) over (partition by h.of_trade order by h.on_day) as quanta
            from change h
            where h.of_trade is not null and not exists (select from ledger.opening_trade x where x.trade = h.of_trade)
            group by h.on_day, h.of_trade
        ), told as (
            select e.* from ledger.trade_event e
            where e.side = 'BUY' and (recorded is null or e.recorded_at <= recorded) and exists (select from ledger.opening_trade x where x.trade = e.trade)
        ), bought as (
            -- Cash is owed on a buy, and owed to us on a sell: so a trade on which we owe is a buy.
            select w.on_day, greatest(w.quanta, 0) - greatest(lag(w.quanta, 1, 0::numeric) over (partition by w.of_trade order by w.on_day), 0) as quanta
            from owed w
            union all
            select greatest(piece.day, from_day), piece.cash
            from (select distinct on (t.trade, t.piece) t.trade, t.day, t.cash from told t where t.event in ('priced', 'corrected')
                order by t.trade, t.piece, t.record_offset desc) as piece
            where (last_day is null or piece.day <= last_day)
              and not exists (select from told t where t.trade = piece.trade and t.event = 'rejected')
            union all
            select greatest(t.settled_on, from_day), -t.cash
            from told t
            where t.event = 'settled' and (last_day is null or t.settled_on <= last_day)
        ), daily as (
            select a.on_day,
                   sum(a.quanta) filter (where a.name = 'pot:available') as available, sum(a.quanta) filter (where a.name = 'pot:reserved') as reserved,
                   sum(a.quanta) filter (where a.name = 'pot:payable') as payable, sum(a.quanta) filter (where a.name = 'scheme:suspense') as suspense,
                   sum(a.quanta) filter (where a.name = 'bank:in-transit') as in_transit, sum(a.quanta) filter (where a.name = 'bought') as bought,
                   sum(a.quanta) filter (where a.name = 'bank:client-money') as bank, sum(a.quanta) filter (where a.name = 'pot:pending') as pending,
                   sum(a.quanta) filter (where a.name = 'scheme') as scheme, sum(a.quanta) filter (where a.name = 'owed') as owed
            from (select h.on_day, h.name, h.quanta from change h union all select b.on_day, 'bought', b.quanta from bought b) as a
            group by a.on_day
        ), summed as (
            select d.on_day,
                   coalesce(sum(d.available) over days, 0) as available, coalesce(sum(d.reserved) over days, 0) as reserved,
                   coalesce(sum(d.payable) over days, 0) as payable, coalesce(sum(d.suspense) over days, 0) as suspense,
                   coalesce(sum(d.in_transit) over days, 0) as in_transit, coalesce(sum(d.bought) over days, 0) as bought,
                   coalesce(-sum(d.bank) over days, 0) as bank, coalesce(sum(d.pending) over days, 0) as pending,
                   coalesce(sum(d.scheme) over days, 0) as scheme, coalesce(sum(d.owed) over days, 0) as owed
            from daily d
            window days as (order by d.on_day)
        )
        select s.on_day, s.available * c.quantum, s.reserved * c.quantum, s.payable * c.quantum, s.suspense * c.quantum, s.in_transit * c.quantum, s.bought * c.quantum,
               r.least * c.quantum, s.bank * c.quantum, (s.bank - r.least) * c.quantum, s.pending * c.quantum, s.scheme * c.quantum, (s.bought - s.owed) * c.quantum
        from summed s
            cross join cash c
            cross join lateral (select s.available + s.reserved + s.payable + s.suspense + s.in_transit + s.bought as least) as r
        order by s.on_day;
    perform ledger.is_current();
end
$$;
-- +goose StatementEnd
comment on function report.client_money_as_of(timestamptz, date, date) is
    'What the bank must hold for members at the end of each day on which that changed, and what it holds, as known at a recorded time, in GBP. A row holds until the next one. With a first day, all before it is in its row. A recorded time for which records may still come is refused, so an answer never changes, except by late events of trades that reach into dropped months; so is a time of which only an archive knows (report.openings).';
revoke all on function report.client_money_as_of(timestamptz, date, date) from public;
grant execute on function report.client_money_as_of(timestamptz, date, date) to penstock_analyst, penstock_auditor;

create view report.client_money as
select m.day, m.available, m.reserved, m.payable, m.suspense, m.in_transit, m.unsettled_buys, m.requirement, m.resource, m.surplus, m.sale_proceeds, m.scheme_cash,
       m.custodians_owe
from report.client_money_as_of() m;
comment on view report.client_money is
    'One row per day on which it changed: what the bank must hold for members (requirement) and what it holds (resource), in GBP, by all that is booked. A row holds until the next one.';
comment on column report.client_money.day is 'The effective day, at its end.';
comment on column report.client_money.available is 'Members'' cash that can be used.';
comment on column report.client_money.reserved is 'Members'' cash set aside for buys.';
comment on column report.client_money.payable is 'Members'' cash about to be paid out.';
comment on column report.client_money.suspense is 'Cash received that nobody has claimed.';
comment on column report.client_money.in_transit is 'Payments sent and not arrived; over all shards, what moves between them is nothing.';
comment on column report.client_money.unsettled_buys is 'Cost of units that are bought and not paid for yet, by the postings; of a trade with postings in dropped months by what its custodian confirmed.';
comment on column report.client_money.requirement is 'What the bank must hold at least: the sum of the columns before.';
comment on column report.client_money.resource is 'What the bank holds by the ledger: what came to it less what it paid. Hold it against the bank''s own statement.';
comment on column report.client_money.surplus is 'resource less requirement; below 0 the bank holds too little. It is sale_proceeds and scheme_cash less custodians_owe.';
comment on column report.client_money.sale_proceeds is 'Members'' cash from sales that are not settled, as far as no buy was made of it.';
comment on column report.client_money.scheme_cash is 'The scheme''s own cash in the same account: charges, rounding, and below 0 what it made good.';
comment on column report.client_money.custodians_owe is 'What custodians owe for units sold, and income that members have been given and that has not been paid.';
grant select on report.client_money to penstock_analyst, penstock_auditor;
