-- +goose Up

-- The guard of the sums stood beside the postings. Where no table of postings is left to be read (all months were dropped, or all that the shard asked for had), Postgres
-- plans that part away, and the guard with it: a snapshot from before got an answer of nothing. Beside the whole it is evaluated whatever becomes of its parts.

create or replace view report.balances as
select s.pot, c.code as account, a.code as asset, sum(s.quanta) * a.quantum as balance, max(s.changed_at) as changed_at, s.shard
from (
        select j.pot, j.shard, m.asset, e.account, e.sign * p.quantity as quanta, j.recorded_at as changed_at
        from ledger.journal j
            join ledger.posting p on p.shard = j.shard and p.month = j.month and p.sequence = j.sequence
            join ledger.move m on m.id = p.move
            cross join lateral (values (-1, m.from_account), (1, m.to_account)) as e (sign, account)
        union all
        select o.pot, o.shard, o.asset, o.account, o.quanta, o.changed_at from ledger.opening o
    ) as s
    join ledger.asset a on a.id = s.asset
    join ledger.account c on c.id = s.account
where c.of_pot and ledger.is_current()
group by s.pot, s.shard, c.code, a.code, a.quantum;

create or replace view report.contra_balances as
select s.shard, c.code as account, a.code as asset, sum(s.quanta) * a.quantum as balance
from (
        select p.shard, m.asset, e.account, e.sign * p.quantity as quanta
        from ledger.posting p
            join ledger.move m on m.id = p.move
            cross join lateral (values (-1, m.from_account), (1, m.to_account)) as e (sign, account)
        union all
        select o.shard, o.asset, o.account, o.quanta from ledger.opening o
    ) as s
    join ledger.asset a on a.id = s.asset
    join ledger.account c on c.id = s.account
where not c.of_pot and ledger.is_current()
group by s.shard, c.code, a.code, a.quantum;

create or replace view report.rounding as
select a.code as asset, s.effective_on, x.code as trade_id, sum(s.quanta) * a.quantum as movement,
       sum(sum(s.quanta)) over (partition by a.code order by s.effective_on, x.code) * a.quantum as balance
from (
        select m.asset, e.account, p.effective_on, p.trade, e.sign * p.quantity as quanta
        from ledger.posting p
            join ledger.move m on m.id = p.move
            cross join lateral (values (-1, m.from_account), (1, m.to_account)) as e (sign, account)
        union all
        select o.asset, o.account, o.effective_on, null, o.quanta from ledger.opening o where o.pot is null
    ) as s
    join ledger.asset a on a.id = s.asset
    join ledger.account c on c.id = s.account
    left join ledger.trade x on x.id = s.trade
where c.code = 'scheme:rounding' and ledger.is_current()
group by a.code, a.quantum, s.effective_on, x.code;
