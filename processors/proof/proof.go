package proof

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/penstock-ledger/penstock/processors/internal/merkle"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
)

// Format names this form of a proof. Another form gets another name.
const Format = "penstock-inclusion/1"

// ErrNotProven says that a proof does not show what it claims, or that a list does not lead to the published root.
var ErrNotProven = errors.New("not proven")

// Proof shows that an order is in a trade. Ids are written as UUIDs, hashes and salts in hexadecimal.
type Proof struct {
	Format    string `json:"format"`
	Order     Order  `json:"order"`
	Shard     Shard  `json:"shard"`
	Trade     Trade  `json:"trade"`
	Published Place  `json:"published"`
}

// Order is what the leaf is made from.
type Order struct {
	ID string `json:"id"`
	// Weight is in pennies, or in quanta of the asset's scale where the trade's basis is UNITS.
	Weight int64  `json:"weight"`
	Salt   string `json:"salt"`
	// Derivation, where it is known, says what the order's id is derived from, and so whose order it is: each list of words gives an id
	// (schemas.DeriveID). The first is an instruction's, as Derivation finds it; each other one is the rest or a part of the order before, and has its id
	// as the second word; the last gives the order's.
	Derivation [][]string `json:"derivation,omitempty"`
}

// Shard is the part of the trade that has the order.
type Shard struct {
	Number int32     `json:"number"`
	Orders int64     `json:"orders"`
	Root   string    `json:"root"`
	Path   []Sibling `json:"path"`
}

// Trade is the external trade. Its fields but for the path are those of the published record.
type Trade struct {
	ID         string    `json:"id"`
	Day        string    `json:"day"`
	Custodian  string    `json:"custodian"`
	Asset      string    `json:"asset"`
	UnitsScale int32     `json:"unitsScale"`
	Side       string    `json:"side"`
	Basis      string    `json:"basis"`
	Ordered    string    `json:"ordered"`
	Orders     int64     `json:"orders"`
	Root       string    `json:"root"`
	Path       []Sibling `json:"path"`
}

// Sibling is a hash beside the path, on the side "left" or "right" of it.
type Sibling struct {
	Side string `json:"side"`
	Hash string `json:"hash"`
}

// Place is where the root was published.
type Place struct {
	Topic      string `json:"topic"`
	Partition  int32  `json:"partition"`
	Offset     int64  `json:"offset"`
	RecordedAt string `json:"recordedAt"`
}

// Make proves that the order is in the published trade. The orders are those of the shard's list, in order; they must lead to the root that was
// published of the shard. The derivation may be nil.
func Make(order schemas.ID, shard int32, orders []audit.FrozenOrder, published *Published, derivation [][]string) (*Proof, error) {
	leaves, at := make([]merkle.Hash, len(orders)), -1
	for i := range orders {
		leaves[i] = merkle.Leaf(merkle.Salt(orders[i].Salt), orders[i].ID, orders[i].Weight)
		if orders[i].ID == order {
			at = i
		}
	}
	if at < 0 {
		return nil, fmt.Errorf("%w: shard %d froze %d orders for trade %s, order %s is none of them", ErrNotProven, shard, len(orders), published.Value.Trade, order)
	}
	roots, part, err := published.roots(shard)
	if err != nil {
		return nil, err
	}
	p := &Proof{
		Format: Format,
		Order:  Order{ID: order.String(), Weight: orders[at].Weight, Salt: hex.EncodeToString(orders[at].Salt[:]), Derivation: derivation},
		Shard: Shard{
			Number: shard, Orders: int64(len(orders)), Root: text(merkle.RootOf(leaves)), Path: siblings(merkle.Path(leaves, at)),
		},
		Trade: published.trade(), Published: published.place(),
	}
	p.Trade.Path = siblings(merkle.Path(roots, part))
	return p, errors.Join(p.Check(), p.Compare(published))
}

// Parse reads a proof. Whatever it does not know, it refuses: a field that no verifier looks at could say anything.
func Parse(file []byte) (*Proof, error) {
	p := new(Proof)
	decoder := json.NewDecoder(bytes.NewReader(file))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("reading the proof: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("reading the proof: something follows it")
	}
	return p, nil
}

func text(h merkle.Hash) string { return hex.EncodeToString(h[:]) }

func siblings(path []merkle.Sibling) []Sibling {
	all := make([]Sibling, len(path))
	for i, s := range path {
		all[i] = Sibling{"right", text(s.Hash)}
		if s.Left {
			all[i].Side = "left"
		}
	}
	return all
}
