package oracle

import (
	"math/big"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/avro"
)

// forGoavro gives a random value in the form that goavro takes.
func forGoavro(n *avro.SchemaNode, v any) any {
	if n.Type == "union" {
		c := v.(choice)
		branch := &n.Branches[c.index]
		if branch.Type == "null" {
			return nil
		}
		return goavro.Union(branchName(branch, true), forGoavro(branch, c.value))
	}
	return native(n, v, forGoavro)
}

// forTwmb gives a random value in the form that twmb/avro takes.
func forTwmb(n *avro.SchemaNode, v any) any {
	if n.Type == "union" {
		c := v.(choice)
		branch := &n.Branches[c.index]
		if branch.Type == "null" {
			return nil
		}
		return map[string]any{branchName(branch, false): forTwmb(branch, c.value)}
	}
	return native(n, v, forTwmb)
}

// native converts what both libraries take in the same form.
func native(n *avro.SchemaNode, v any, inner func(*avro.SchemaNode, any) any) any {
	if n.LogicalType == "decimal" {
		scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n.Scale)), nil)
		return new(big.Rat).SetFrac(big.NewInt(v.(int64)), scale)
	}
	switch n.Type {
	case "record":
		fields := map[string]any{}
		for i, value := range v.([]any) {
			fields[n.Fields[i].Name] = inner(&n.Fields[i].Type, value)
		}
		return fields
	case "array":
		items := []any{}
		for _, value := range v.([]any) {
			items = append(items, inner(n.Items, value))
		}
		return items
	}
	return v
}

// branchName names a branch of a union. goavro adds the logical type to it.
func branchName(n *avro.SchemaNode, withLogical bool) string {
	switch {
	case n.Name != "" && n.Namespace != "":
		return n.Namespace + "." + n.Name
	case n.Name != "":
		return n.Name
	case withLogical && n.LogicalType == "decimal":
		return n.Type + ".decimal"
	}
	return n.Type
}
