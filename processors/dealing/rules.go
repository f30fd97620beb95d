package dealing

import (
	"cmp"
	"fmt"

	"github.com/penstock-ledger/penstock/processors/internal/allocation"
	"github.com/penstock-ledger/penstock/processors/internal/book"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// policy is the policy of batches that are closed now.
func (r *Reference) policy() string {
	for i := range r.stored.Rules {
		if r.stored.Rules[i].Rule == allocation.Rule {
			return r.stored.Rules[i].Version
		}
	}
	return allocation.Policy
}

// policyOf is the policy that was frozen with the trade.
func policyOf(trade *state.TradeState) string { return cmp.Or(trade.Policy, allocation.Policy) }

// activate starts a version of a rule and tells every shard, in one place of its order. A batch whose day was closed before keeps the version that it was
// closed with, until its last piece.
func (d *dealing) activate(place streams.Place, r *Reference, cause *inbox.Cause, a *ingest.RuleActivation) (*state.DealingReference, []streams.Out) {
	if a.Rule != allocation.Rule || a.Version == "" || !allocation.Known(a.Version) {
		return r.stored, []streams.Out{rejectionOut(place, cause, refusal{codeUnknownRule, fmt.Sprintf("there is no version %q of a rule %q", a.Version, a.Rule)})}
	}
	if a.Version == r.policy() {
		return r.stored, nil
	}
	next := *r.stored
	next.Rules = book.Put(r.stored.Rules, state.DealtRule{Rule: a.Rule, Version: a.Version}, func(x, y state.DealtRule) int { return cmp.Compare(x.Rule, y.Rule) })
	id := schemas.DeriveID("rule", string(cause.Source), cause.ID, a.Rule, a.Version).String()
	return &next, tellAll(nil, d.shards, id, cause, &inbox.RuleActivated{Rule: a.Rule, Version: a.Version})
}
