-- +goose Up
alter table ledger.posting add column counter_order_id uuid;
comment on column ledger.posting.counter_order_id is
    'Of what moves between the two orders of a switch: the other one. The posting of stage switched is to its buy what one of stage reserved is to another.';
create index on ledger.posting (counter_order_id) where counter_order_id is not null;
