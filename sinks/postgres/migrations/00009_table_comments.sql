-- +goose Up
comment on table ledger.topic is 'Topics of the ingest records that caused journals.';
comment on table ledger.rules is 'Versions of the rules that decided.';
comment on table ledger.source is 'Who sent what caused journals.';
comment on table ledger.trade is 'External trades.';
