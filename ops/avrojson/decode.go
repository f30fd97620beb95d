package avrojson

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/avro"

	"github.com/penstock-ledger/penstock/schemas"
)

// appendJSON appends the JSON form of a value that the Avro library decoded.
func appendJSON(b []byte, n *avro.SchemaNode, v any) ([]byte, error) {
	if text, ok := logicalText(n, v); ok {
		return appendPlain(b, text)
	}
	switch n.Type {
	case "record", "error":
		return appendRecord(b, n, v)
	case "union":
		return appendUnion(b, n, v)
	case "array":
		items, ok := v.([]any)
		if !ok {
			return nil, unexpected(n, v)
		}
		b = append(b, '[')
		for i, item := range items {
			if i > 0 {
				b = append(b, ',')
			}
			var err error
			if b, err = appendJSON(b, n.Items, item); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case "map":
		return appendMap(b, n, v)
	case "fixed":
		if raw, ok := v.([]byte); ok {
			return appendPlain(b, hex.EncodeToString(raw))
		}
		return nil, unexpected(n, v)
	}
	// Bytes are written in base 64 by the JSON library.
	return appendPlain(b, v)
}

func unexpected(n *avro.SchemaNode, v any) error {
	return fmt.Errorf("decoding: a value of type %s came as %T", n.Type, v)
}

func appendPlain(b []byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	return append(b, text...), err
}

func appendMember(b []byte, first bool, name string, n *avro.SchemaNode, v any) ([]byte, error) {
	if !first {
		b = append(b, ',')
	}
	b, err := appendPlain(b, name)
	if err != nil {
		return nil, err
	}
	return appendJSON(append(b, ':'), n, v)
}

func appendRecord(b []byte, n *avro.SchemaNode, v any) ([]byte, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil, unexpected(n, v)
	}
	b = append(b, '{')
	for i := range n.Fields {
		var err error
		if b, err = appendMember(b, i == 0, n.Fields[i].Name, &n.Fields[i].Type, object[n.Fields[i].Name]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendMap(b []byte, n *avro.SchemaNode, v any) ([]byte, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil, unexpected(n, v)
	}
	b = append(b, '{')
	for i, key := range slices.Sorted(maps.Keys(object)) {
		var err error
		if b, err = appendMember(b, i == 0, key, n.Values, object[key]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendUnion(b []byte, n *avro.SchemaNode, v any) ([]byte, error) {
	if v == nil {
		return append(b, "null"...), nil
	}
	tagged, ok := v.(map[string]any)
	if !ok || len(tagged) != 1 {
		return nil, unexpected(n, v)
	}
	for i := range n.Branches {
		branch := &n.Branches[i]
		value, ok := tagged[fullName(branch)]
		switch {
		case !ok:
			continue
		case optional(n) != nil:
			return appendJSON(b, branch, value)
		}
		b, err := appendMember(append(b, '{'), true, shortName(branch), branch, value)
		return append(b, '}'), err
	}
	return nil, unexpected(n, v)
}

// logicalText returns the text of a logical type's wire value, and false for types that have none.
func logicalText(n *avro.SchemaNode, v any) (string, bool) {
	switch wire := v.(type) {
	case []byte:
		if n.LogicalType == "decimal" {
			return decimalText(fromTwosComplement(wire), n.Scale), true
		}
	case int32:
		if n.LogicalType == "date" {
			return schemas.Date(wire).String(), true
		}
	case int64:
		switch n.LogicalType {
		case "timestamp-millis":
			return time.UnixMilli(wire).UTC().Format(time.RFC3339Nano), true
		case "timestamp-micros":
			return time.UnixMicro(wire).UTC().Format(time.RFC3339Nano), true
		}
	}
	return "", false
}
