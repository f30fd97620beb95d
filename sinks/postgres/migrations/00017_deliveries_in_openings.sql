-- +goose Up
-- Units in specie that come to a pot reserve nothing there, so openings note them as they note payments.
comment on table ledger.opening_order is
    'Orders of which an act dropped postings and of which more may be booked: those that reserved in its months and were not dealt to their end there, and those that were dealt there with what had been reserved before, or for the order of which they are the rest. Also all payments with postings there, and all deliveries of units in specie that come in.';
