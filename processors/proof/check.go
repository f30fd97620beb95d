package proof

import (
	"encoding/hex"
	"fmt"
	"math/bits"

	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/processors/internal/merkle"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
)

// Check says whether the proof holds in itself: the order leads to the trade's root, the trade's id is that of its day, custodian, asset and kind, and
// the order's id that of what it is said to be derived from. Whether that root was published, it cannot say: Compare can. Its error is an ErrNotProven.
func (p *Proof) Check() error {
	switch {
	case p.Format != Format:
		return wrong("the format is %q, not %q", p.Format, Format)
	case p.Shard.Orders < 1 || p.Trade.Orders < p.Shard.Orders:
		return wrong("the shard has %d orders, the trade %d", p.Shard.Orders, p.Trade.Orders)
	case len(p.Shard.Path) > bits.Len64(uint64(p.Shard.Orders-1)): //nolint:gosec // at least 1, see above
		return wrong("%d orders have no path of %d hashes", p.Shard.Orders, len(p.Shard.Path))
	}
	order, err := schemas.ParseID(p.Order.ID)
	if err != nil || order.String() != p.Order.ID {
		return wrong("%q is no order's id", p.Order.ID)
	}
	if err := p.checkDerivation(); err != nil {
		return err
	}
	var salt merkle.Salt
	if err := fill(salt[:], p.Order.Salt); err != nil {
		return err
	}
	root, err := climb(merkle.Leaf(salt, order, p.Order.Weight), p.Shard.Path)
	if err != nil {
		return err
	}
	if text(root) != p.Shard.Root {
		return wrong("the order leads to the root %x, that of the shard is %s", root, p.Shard.Root)
	}
	if root, err = climb(root, p.Trade.Path); err != nil {
		return err
	}
	if text(root) != p.Trade.Root {
		return wrong("the shard leads to the root %x, that of the trade is %s", root, p.Trade.Root)
	}
	return p.checkTrade()
}

// checkTrade holds the trade's id against what it is derived from.
func (p *Proof) checkTrade() error {
	kinds := map[[2]string]batch.Kind{
		{"BUY", "CASH"}: {Side: inbox.SideBuy, Basis: inbox.BasisCash}, {"SELL", "UNITS"}: {Side: inbox.SideSell, Basis: inbox.BasisUnits},
		{"SELL", "CASH"}: {Side: inbox.SideSell, Basis: inbox.BasisCash},
	}
	kind, known := kinds[[2]string{p.Trade.Side, p.Trade.Basis}]
	day, err := schemas.ParseDate(p.Trade.Day)
	if !known || err != nil {
		return wrong("there is no trade of side %q and basis %q on %q", p.Trade.Side, p.Trade.Basis, p.Trade.Day)
	}
	if id := batch.Trade(day, schemas.CustodianID(p.Trade.Custodian), schemas.AssetCode(p.Trade.Asset), kind); id.String() != p.Trade.ID {
		return wrong("the trade of that day, custodian, asset, side and basis is %s, not %s", id, p.Trade.ID)
	}
	return nil
}

// instructedWords is how many words the id of an instruction's order is derived from: "order", source, pot, instruction, day and letter.
const instructedWords = 6

// checkDerivation holds the order's id against what it is said to be derived from. The steps must have the shapes that orders are made by: a sender may
// name an instruction as it likes, and so like any id.
func (p *Proof) checkDerivation() error {
	id := ""
	for i, words := range p.Order.Derivation {
		if i == 0 && !isInstructed(words) || i > 0 && !follows(words, id) {
			return wrong("the derivation's step %d, %q, is none that an order is made by", i+1, words)
		}
		id = schemas.DeriveID(words...).String()
	}
	if id != "" && id != p.Order.ID {
		return wrong("what is derived is order %s, not %s", id, p.Order.ID)
	}
	return nil
}

// isInstructed says whether the words are those of an order that an instruction made.
func isInstructed(words []string) bool { return len(words) == instructedWords && words[0] == "order" }

// follows says whether the words are those of the order's rest, or of a part of it.
func follows(words []string, order string) bool {
	rest, part := len(words) == 2 && words[0] == "rest", len(words) == 3 && words[0] == "part"
	return (rest || part) && words[1] == order
}

func climb(from merkle.Hash, path []Sibling) (merkle.Hash, error) {
	way := make([]merkle.Sibling, len(path))
	for i, s := range path {
		if s.Side != "left" && s.Side != "right" {
			return from, wrong("%q is no side", s.Side)
		}
		way[i].Left = s.Side == "left"
		if err := fill(way[i].Hash[:], s.Hash); err != nil {
			return from, err
		}
	}
	return merkle.Climb(from, way), nil
}

// fill reads a hexadecimal text of just that many bytes.
func fill(b []byte, text string) error {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(b) || hex.EncodeToString(raw) != text {
		return wrong("%q is not %d bytes in hexadecimal", text, len(b))
	}
	copy(b, raw)
	return nil
}

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNotProven, fmt.Sprintf(format, args...))
}
