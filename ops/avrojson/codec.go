package avrojson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/twmb/avro"
)

// Codec translates for one schema. It is safe for use by many goroutines.
type Codec struct {
	schema *avro.Schema
	root   *avro.SchemaNode
}

// logicalTypes are those that are written and read by their meaning. Any other logical type stands as its Avro type.
var logicalTypes = []string{"decimal", "date", "time-millis", "time-micros", "timestamp-millis", "timestamp-micros", "uuid"}

// New makes the codec of a schema.
func New(schema string) (*Codec, error) {
	// The library would round what it converts by itself, so every logical type passes through it as it lies on the wire.
	var options []avro.SchemaOpt
	for _, name := range logicalTypes {
		options = append(options, avro.CustomType{LogicalType: name})
	}
	parsed, err := avro.Parse(schema, options...)
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	return &Codec{schema: parsed, root: parsed.Root().ExpandReferences()}, nil
}

// Encode appends the Avro form of a JSON value. Errors name the field.
func (c *Codec) Encode(dst, text []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return dst, fmt.Errorf("reading JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return dst, errors.New("reading JSON: something follows the value")
	}
	native, err := native("", c.root, value)
	if err != nil {
		return dst, err
	}
	encoded, err := c.schema.AppendEncode(dst, native)
	if err != nil {
		return dst, fmt.Errorf("encoding: %w", err)
	}
	return encoded, nil
}

// Decode returns the JSON form of an Avro value, with fields in the order of the schema.
func (c *Codec) Decode(payload []byte) ([]byte, error) {
	var value any
	rest, err := c.schema.Decode(payload, &value, avro.TaggedUnions())
	if err != nil {
		return nil, fmt.Errorf("decoding: %w", err)
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("decoding: %d bytes are left", len(rest))
	}
	return appendJSON(nil, c.root, value)
}

// fullName is the name by which a branch of a union is tagged.
func fullName(n *avro.SchemaNode) string {
	switch {
	case n.Name == "":
		return n.Type
	case n.Namespace == "":
		return n.Name
	}
	return n.Namespace + "." + n.Name
}

// shortName is the name by which people tag a branch.
func shortName(n *avro.SchemaNode) string {
	if n.Name == "" {
		return n.Type
	}
	return n.Name
}

// optional returns the one type beside null in a union of the two, else nil.
func optional(n *avro.SchemaNode) *avro.SchemaNode {
	if len(n.Branches) != 2 {
		return nil
	}
	for i := range n.Branches {
		if n.Branches[i].Type == "null" {
			return &n.Branches[1-i]
		}
	}
	return nil
}
