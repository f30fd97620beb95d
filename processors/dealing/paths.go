package dealing

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/glidepath"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// Bounds of glide paths: how many paths there may be, of how many dates together.
const (
	pathsMax    = 100
	pathRowsMax = 500
)

// putPath keeps a glide path. Of one that is known, nothing changes that holds on a day that has begun, or that may have begun in a shard when it hears of the change: contributions of that day
// may have been invested by it.
func (r *Reference) putPath(p *reference.GlidePath, received schemas.Instant) (*state.DealingReference, refusal) {
	next := *r.stored
	next.Paths = glidepath.Put(r.stored.Paths, p)
	if changed(r.stored, &next) == nil {
		return nil, refusal{}
	}
	if why := r.checkPath(p); why.code != "" {
		return nil, why
	}
	through, ok := r.LocalDate(max(received, r.stored.Announced) + noticeMillis)
	if known := r.hasPath(p.Code); known && (!ok || p.EffectiveFrom <= through) {
		return nil, tooLate(fmt.Sprintf("glide path %s from %s", p.Code, p.EffectiveFrom), through)
	}
	return &next, refusal{}
}

func (r *Reference) hasPath(code schemas.PathCode) bool {
	return slices.ContainsFunc(r.stored.Paths, func(p reference.GlidePath) bool { return p.Code == code })
}

func (r *Reference) checkPath(p *reference.GlidePath) refusal {
	if !isName(string(p.Code)) {
		return bad("%q cannot be the code of a glide path", p.Code)
	}
	if err := glidepath.Check(p); err != nil {
		return bad("glide path %s from %s: %v", p.Code, p.EffectiveFrom, err)
	}
	codes := make(map[schemas.PathCode]bool)
	for i := range r.stored.Paths {
		codes[r.stored.Paths[i].Code] = true
	}
	if len(r.stored.Paths) >= pathRowsMax || !codes[p.Code] && len(codes) >= pathsMax {
		return bad("glide path %s from %s: there are too many", p.Code, p.EffectiveFrom)
	}
	for i := range p.Rows {
		for _, part := range p.Rows[i].Split {
			switch {
			case r.Asset(part.Asset, p.EffectiveFrom) == nil:
				return bad("glide path %s from %s: there is no asset %s on that day", p.Code, p.EffectiveFrom, part.Asset)
			case slices.Contains(r.stored.Ended, part.Asset):
				return bad("glide path %s from %s: asset %s is merged into another", p.Code, p.EffectiveFrom, part.Asset)
			}
		}
	}
	return refusal{}
}
