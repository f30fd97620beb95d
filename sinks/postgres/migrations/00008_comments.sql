-- +goose Up

-- What every column of a view says, for who looks at it in a tool.
comment on column report.journals.shard is 'The shard that wrote the journal.';
comment on column report.journals.journal_id is 'Id of the journal; it follows from what caused it.';
comment on column report.journals.recorded_at is 'When the journal was made. It never runs backwards in a shard.';
comment on column report.journals.pot is 'The pot whose journal it is; none where it is on a shard''s own accounts.';
comment on column report.journals.source is 'Who sent what caused the journal.';
comment on column report.journals.topic is 'Topic of the ingest record that caused the journal.';
comment on column report.journals.partition is 'Partition of the ingest record that caused the journal.';
comment on column report.journals.rules is 'Version of the rules that decided.';

comment on column report.postings.shard is 'The shard that wrote the journal.';
comment on column report.postings.sequence is 'Number of the journal in its shard.';
comment on column report.postings.leg is 'Number of the posting in its journal, from 1.';
comment on column report.postings.journal_id is 'Id of the journal.';
comment on column report.postings.recorded_at is 'When the journal was made.';
comment on column report.postings.pot is 'The pot whose journal it is; none where it is on a shard''s own accounts.';
comment on column report.postings.stage is 'What the posting is for, such as contributed, reserved, priced or settled.';
comment on column report.postings.asset is 'The asset, or the currency.';
comment on column report.postings.quantity is 'How much moved, in pounds or units; always positive.';
comment on column report.postings.from_account is 'The account that it left.';
comment on column report.postings.to_account is 'The account that it went to.';
comment on column report.postings.trade_id is 'The external trade that the posting serves, if any.';
comment on column report.postings.source is 'Who sent what caused the journal.';
comment on column report.postings.cause is 'The sender''s id of what caused the journal.';

comment on column report.entries.shard is 'The shard that wrote the journal.';
comment on column report.entries.sequence is 'Number of the journal in its shard.';
comment on column report.entries.leg is 'Number of the posting in its journal, from 1.';
comment on column report.entries.recorded_at is 'When the journal was made.';
comment on column report.entries.effective_on is 'The day for which the posting counts.';
comment on column report.entries.account is 'The account that changed.';
comment on column report.entries.asset is 'The asset, or the currency.';
comment on column report.entries.scale is 'Decimals of the asset''s quanta.';
comment on column report.entries.amount is 'By how much the account changed, in pounds or units; negative where it gave.';

comment on column report.balances.pot is 'The pot.';
comment on column report.balances.account is 'The account of the pot.';
comment on column report.balances.asset is 'The asset, or the currency.';
comment on column report.balances.balance is 'What the account holds, in pounds or units.';
comment on column report.balances.changed_at is 'Recorded time of the last journal that changed it.';

comment on column report.contra_balances.shard is 'The shard; only the sum over all shards means something outside.';
comment on column report.contra_balances.account is 'The account of the scheme, the bank or a custodian.';
comment on column report.contra_balances.asset is 'The asset, or the currency.';
comment on column report.contra_balances.balance is 'What the account holds, in pounds or units. Accounts of the outside world have its sign: what it holds for us is negative.';

comment on column report.rounding.asset is 'The asset, or the currency.';
comment on column report.rounding.effective_on is 'The day for which it counts.';
comment on column report.rounding.trade_id is 'The external trade that left it over; none where it was something else.';
comment on column report.rounding.movement is 'What was left over, in pounds or units.';
comment on column report.rounding.balance is 'What has been left over so far, per asset.';

comment on column report.reversals.reversed_by is 'The journal that negates them.';
comment on column report.reversals.shard is 'The shard that wrote the journal that negates.';
comment on column report.reversals.pot is 'The pot of the journal that negates.';
comment on column report.reversals.recorded_at is 'When the journal that negates was made.';
comment on column report.reversals.source is 'Who sent what caused the reversal.';
comment on column report.reversals.cause is 'The sender''s id of what caused the reversal.';

comment on column report.trade_events."offset" is 'Where the event stands in ledger.trade.v1.';
comment on column report.trade_events.event_id is 'Id of the event.';
comment on column report.trade_events.trade_id is 'The external trade.';
comment on column report.trade_events.event is 'What became of the trade.';
comment on column report.trade_events.recorded_at is 'When the event was made.';
comment on column report.trade_events.day is 'Dealing day: the day whose price counts.';
comment on column report.trade_events.custodian is 'The custodian that deals.';
comment on column report.trade_events.asset is 'The asset that is traded.';
comment on column report.trade_events.side is 'BUY or SELL.';
comment on column report.trade_events.ordered is 'What was ordered, in units of ordered_asset.';
comment on column report.trade_events.ordered_asset is 'What the order is counted in: the currency, or the asset itself.';
comment on column report.trade_events.orders is 'Number of the members'' orders in the trade.';
comment on column report.trade_events.settles_on is 'The day on which it is due to settle.';
comment on column report.trade_events.piece is 'Number of the piece, from 1, where the event is about one; else 0.';
comment on column report.trade_events.final is 'Whether it is the last piece.';
comment on column report.trade_events.cash is 'Cash of the piece, in pounds.';
comment on column report.trade_events.units is 'Units of the piece.';
comment on column report.trade_events.price is 'Price of a unit, in pounds, where the event has one.';
comment on column report.trade_events.price_version is 'Version of the released price; a corrected one has the next.';
comment on column report.trade_events.settled_on is 'The day on which it settled, where the event says so.';
comment on column report.trade_events.confirmation is 'The custodian''s id of what it confirmed.';
comment on column report.trade_events.reason is 'Why, where the event has a reason.';

comment on column report.trades.trade_id is 'The external trade.';
comment on column report.trades.day is 'Dealing day: the day whose price counts.';
comment on column report.trades.custodian is 'The custodian that deals.';
comment on column report.trades.asset is 'The asset that is traded.';
comment on column report.trades.side is 'BUY or SELL.';
comment on column report.trades.ordered is 'What was ordered, in units of ordered_asset.';
comment on column report.trades.ordered_asset is 'What the order is counted in: the currency, or the asset itself.';
comment on column report.trades.orders is 'Number of the members'' orders in the trade.';
comment on column report.trades.settles_on is 'The day on which it is due to settle.';
comment on column report.trades.status is 'The last event that says how far it is.';
comment on column report.trades.pieces is 'Number of the pieces so far.';
comment on column report.trades.cash is 'Cash of the pieces so far, in pounds.';
comment on column report.trades.units is 'Units of the pieces so far.';
comment on column report.trades.settled_on is 'The day on which it settled; none before.';
comment on column report.trades.reason is 'Why, where an event has a reason.';

comment on column report.progress.shard is 'The shard.';
comment on column report.progress.booked is 'Number of the last journal that is booked.';
comment on column report.progress.complete is 'Number of the last journal of which it is known that nothing recorded before can come any more.';
comment on column report.progress.recorded_before is 'Everything that the shard recorded before this time is booked.';
comment on column report.progress.last_recorded_at is 'Recorded time of the last journal that is booked.';

comment on column report.complete_through.complete_through is 'The least recorded_before of all shards.';
