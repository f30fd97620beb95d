package oracle

import (
	"github.com/twmb/avro"
	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/schemas"
)

// itemsMax bounds the items of a random array.
const itemsMax = 5

// choice is the branch of a union that a random value took.
type choice struct {
	index int
	value any
}

// draw makes a random value of a schema: nil, bool, int32, int64 (also for decimals: the unscaled value), string,
// []byte, []any, []any in field order for records, and choice for unions.
func draw(t *rapid.T, n *avro.SchemaNode) any {
	switch {
	case n.LogicalType == "decimal":
		bound := schemas.Power10(n.Precision) - 1
		return rapid.Int64Range(-bound, bound).Draw(t, "decimal")
	case n.LogicalType == "uuid" && n.Type == "string":
		return uuidText(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
	}
	switch n.Type {
	case "null":
		return nil
	case "boolean":
		return rapid.Bool().Draw(t, "boolean")
	case "int":
		return rapid.Int32().Draw(t, "int")
	case "long":
		return rapid.Int64().Draw(t, "long")
	case "string":
		return rapid.String().Draw(t, "string")
	case "bytes":
		return rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")
	case "fixed":
		return rapid.SliceOfN(rapid.Byte(), n.Size, n.Size).Draw(t, "fixed")
	case "enum":
		return rapid.SampledFrom(n.Symbols).Draw(t, "enum")
	}
	return drawComposite(t, n)
}

func drawComposite(t *rapid.T, n *avro.SchemaNode) any {
	switch n.Type {
	case "record":
		fields := []any{}
		for i := range n.Fields {
			fields = append(fields, draw(t, &n.Fields[i].Type))
		}
		return fields
	case "array":
		items := []any{}
		for range rapid.IntRange(0, itemsMax).Draw(t, "items") {
			items = append(items, draw(t, n.Items))
		}
		return items
	case "union":
		i := rapid.IntRange(0, len(n.Branches)-1).Draw(t, "branch")
		return choice{i, draw(t, &n.Branches[i])}
	}
	panic("oracle: no value for type " + n.Type)
}

func uuidText(b []byte) string {
	const digits = "0123456789abcdef"
	var text []byte
	for i, v := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text = append(text, '-')
		}
		text = append(text, digits[v>>4], digits[v&15])
	}
	return string(text)
}
