-- +goose Up
alter table ledger.position
    add column cluster  text not null default '',
    add column topic_id text not null default '';
comment on column ledger.position.topic_id is
    'The id of the topic that next_offset is of, and cluster where it is; empty until a sink first read it. A topic that is made again has another id.';
grant update (cluster, topic_id) on ledger.position to penstock_sink;
