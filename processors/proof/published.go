package proof

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/merkle"
)

// eventBatched is the event with which a trade's root is published.
const eventBatched = "batched"

// Published is the record of ledger.trade.v1 by which a trade's root was published, in the JSON form in which penstock tail prints it.
type Published struct {
	Topic     string   `json:"topic"`
	Partition int32    `json:"partition"`
	Offset    int64    `json:"offset"`
	Value     struct { // what of the record a proof is held against
		Trade      string `json:"trade"`
		Event      string `json:"event"`
		RecordedAt string `json:"recordedAt"`
		Day        string `json:"day"`
		Custodian  string `json:"custodian"`
		Asset      string `json:"asset"`
		UnitsScale int32  `json:"unitsScale"`
		Side       string `json:"side"`
		Ordered    string `json:"ordered"`
		Orders     int64  `json:"orders"`
		Root       string `json:"root"`
		Basis      string `json:"basis"`
		Shards     []Part `json:"shards"`
	} `json:"value"`
}

// Part is what one shard froze of the trade.
type Part struct {
	Shard  int32  `json:"shard"`
	Orders int64  `json:"orders"`
	Root   string `json:"root"`
}

// ParsePublished reads a line of penstock tail ledger.trade.v1 --json. It need not be that of the right trade: Compare looks.
func ParsePublished(line []byte) (*Published, error) {
	published := new(Published)
	if err := json.Unmarshal(line, published); err != nil {
		return nil, fmt.Errorf("reading the published trade: %w", err)
	}
	return published, nil
}

// IsRoot says whether the record publishes a root: others tell what became of the trade later.
func (p *Published) IsRoot() bool { return p.Value.Event == eventBatched }

// Compare holds everything that the proof says of the trade, of the shard and of where the root was published against the published record. Its error is
// an ErrNotProven.
func (p *Proof) Compare(published *Published) error {
	if !published.IsRoot() {
		return wrong("the record tells of the event %q; a root is published with %q", published.Value.Event, eventBatched)
	}
	claimed := p.Trade
	claimed.Path = nil
	for _, c := range [...]struct {
		what           string
		claimed, there any
	}{
		{"the root", claimed.Root, published.Value.Root},
		{"the trade", fmt.Sprintf("%+v", claimed), fmt.Sprintf("%+v", published.trade())},
		{"the place", p.Published, published.place()},
	} {
		if c.claimed != c.there {
			return wrong("%s is %v in the proof, and %v in the record", c.what, c.claimed, c.there)
		}
	}
	if slices.Contains(published.Value.Shards, Part{p.Shard.Number, p.Shard.Orders, p.Shard.Root}) {
		return nil
	}
	return wrong("shard %d with %d orders and the root %s is not in the record", p.Shard.Number, p.Shard.Orders, p.Shard.Root)
}

// CompareRoot holds the trade's root alone against one that the verifier has, such as that which the custodian was sent. That shows the order and its weight
// under that root, and nothing of what else the proof says: no root says of which trade it is, nor where it was published. Its error is an ErrNotProven.
func (p *Proof) CompareRoot(root string) error {
	if p.Trade.Root != root {
		return wrong("the root is %s in the proof, and should be %s", p.Trade.Root, root)
	}
	return nil
}

// CompareTrade holds the trade's id against that with which the verifier was told the root. With CompareRoot it shows the trade's day, custodian, asset, side
// and basis too, for Check derives the id from these. Its error is an ErrNotProven.
func (p *Proof) CompareTrade(id string) error {
	if p.Trade.ID != id {
		return wrong("the trade is %s in the proof, and should be %s", p.Trade.ID, id)
	}
	return nil
}

func (p *Published) trade() Trade {
	v := &p.Value
	return Trade{
		ID: v.Trade, Day: v.Day, Custodian: v.Custodian, Asset: v.Asset, UnitsScale: v.UnitsScale, Side: v.Side, Basis: v.Basis,
		Ordered: v.Ordered, Orders: v.Orders, Root: v.Root,
	}
}

func (p *Published) place() Place { return Place{p.Topic, p.Partition, p.Offset, p.Value.RecordedAt} }

// roots returns the roots of the shards that have orders, as they are published, by shard: they are the leaves of the trade's tree. The index is that of
// the given shard.
func (p *Published) roots(shard int32) (roots []merkle.Hash, index int, err error) {
	index = -1
	for _, part := range p.Value.Shards {
		if part.Orders == 0 {
			continue
		}
		if part.Shard == shard {
			index = len(roots)
		}
		var root merkle.Hash
		if err := fill(root[:], part.Root); err != nil {
			return nil, 0, err
		}
		roots = append(roots, root)
	}
	if index < 0 {
		return nil, 0, wrong("the record has no orders of shard %d", shard)
	}
	return roots, index, nil
}
