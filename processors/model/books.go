package model

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Cash is the asset that accounts of cash are kept in.
const cash = "GBP"

// key names a balance: whose, in which account, of what. The owner of a pot's account is the pot, of any other the shard.
type key struct{ owner, account, asset string }

// Books are all balances: what came in less what went out, exactly.
type Books map[key]*big.Rat

func (b Books) balance(k key) *big.Rat {
	if b[k] == nil {
		b[k] = new(big.Rat)
	}
	return b[k]
}

// Holds says whether a pot has settled units of an asset.
func (b Books) Holds(pot, asset string) bool {
	return b.balance(key{pot, "pot:settled", asset}).Sign() > 0
}

// Move books a quantity from one account to another. The shard is the pot's, or that which books for itself. Tests fold journals with it.
func (b Books) Move(shard int, pot, asset, from, to string, quantity *big.Rat) {
	source, destination := b.balance(keyOf(shard, pot, asset, from)), b.balance(keyOf(shard, pot, asset, to))
	source.Sub(source, quantity)
	destination.Add(destination, quantity)
}

func keyOf(shard int, pot, asset, account string) key {
	if strings.HasPrefix(account, "pot:") {
		return key{pot, account, asset}
	}
	return key{fmt.Sprint("shard ", shard), account, asset}
}

// Differences lists the balances that two books disagree on, in order.
func (b Books) Differences(other Books) []string {
	var lines []string
	for k := range b {
		if x, y := b.balance(k), other.balance(k); x.Cmp(y) != 0 {
			lines = append(lines, fmt.Sprintf("%s %s of %s: %s here, %s there", k.owner, k.account, k.asset, x.FloatString(6), y.FloatString(6)))
		}
	}
	for k := range other {
		if b[k] == nil && other[k].Sign() != 0 {
			lines = append(lines, fmt.Sprintf("%s %s of %s: nothing here, %s there", k.owner, k.account, k.asset, other[k].FloatString(6)))
		}
	}
	slices.Sort(lines)
	return lines
}

// number reads a decimal; a line of a test that cannot be read is a mistake of the test.
func number(text string) *big.Rat {
	n, ok := new(big.Rat).SetString(text)
	if !ok {
		panic(fmt.Sprintf("model: %q is not a number", text))
	}
	return n
}

func sum(a, b *big.Rat) *big.Rat   { return new(big.Rat).Add(a, b) }
func minus(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }
func times(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }

// part returns amount * weight / whole.
func part(amount, weight, whole *big.Rat) *big.Rat {
	return new(big.Rat).Quo(times(amount, weight), whole)
}

// down rounds a positive number down to so many decimals, up rounds it up.
func down(x *big.Rat, decimals int) *big.Rat { return round(x, decimals, false) }
func up(x *big.Rat, decimals int) *big.Rat   { return round(x, decimals, true) }

func round(x *big.Rat, decimals int, upward bool) *big.Rat {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)
	scaled := new(big.Rat).Mul(x, new(big.Rat).SetInt(scale))
	whole, rest := new(big.Int).QuoRem(scaled.Num(), scaled.Denom(), new(big.Int))
	if upward && rest.Sign() > 0 {
		whole.Add(whole, big.NewInt(1))
	}
	return new(big.Rat).SetFrac(whole, scale)
}
