-- +goose Up

-- A trace of what went on after the months of an act names the act. It has to find payments there, and orders that only went on in them, as it finds those that began.
comment on table ledger.opening_order is
    'Orders of which an act dropped postings and of which more may be booked: those that reserved in its months and were not dealt to their end there, and those that were dealt there with what had been reserved before, or for the order of which they are the rest. Also all payments with postings there.';
