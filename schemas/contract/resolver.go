package contract

import (
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/avro"
)

// ErrIncompatible means that records of a writer's schema can't be read as ours without guessing.
var ErrIncompatible = errors.New("the writer's schema is not compatible")

// Resolver turns records of a writer's schema into records of the reader's: fields that the writer lacks get their
// defaults, those that only the writer has are dropped, and order is by the reader.
type Resolver struct {
	identity bool
	resolved *avro.Schema
	reader   *avro.Schema
}

// NewResolver prepares a Resolver. The error is ErrIncompatible, with what differs, when Avro's rules refuse the
// pair, or when a field that both have differs in type, logical type, precision, scale or size: Avro would read it,
// as another amount.
func NewResolver(writer, reader string) (*Resolver, error) {
	from, err := onWire(writer)
	if err != nil {
		return nil, fmt.Errorf("reading the writer's schema: %w", err)
	}
	to, err := onWire(reader)
	if err != nil {
		return nil, fmt.Errorf("reading our schema: %w", err)
	}
	if from == to {
		return &Resolver{identity: true}, nil
	}
	writerSchema, err := avro.Parse(from, rawLogical()...)
	if err != nil {
		return nil, fmt.Errorf("reading the writer's schema: %w", err)
	}
	readerSchema, err := avro.Parse(to, rawLogical()...)
	if err != nil {
		return nil, fmt.Errorf("reading our schema: %w", err)
	}
	var c checker
	c.shared("", expanded(writerSchema), expanded(readerSchema))
	if len(c.problems) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrIncompatible, c.problems[0])
	}
	resolved, err := avro.Resolve(writerSchema, readerSchema)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIncompatible, err)
	}
	return &Resolver{resolved: resolved, reader: readerSchema}, nil
}

// Identity is true when both schemas are the same but for descriptions and names of Go types, so that records need no conversion.
func (r *Resolver) Identity() bool { return r.identity }

// Convert appends to dst the record in the reader's schema. It is for the rare record of another version: it goes
// through generic values, and costs many times a plain decode.
func (r *Resolver) Convert(dst, record []byte) ([]byte, error) {
	if r.identity {
		return append(dst, record...), nil
	}
	// Tagged unions keep the branch of a record whose fields look like another branch's.
	var generic any
	rest, err := r.resolved.Decode(record, &generic, avro.TaggedUnions())
	if err != nil {
		return dst, fmt.Errorf("decoding by the writer's schema: %w", err)
	}
	if len(rest) > 0 {
		return dst, fmt.Errorf("decoding by the writer's schema: %d bytes left", len(rest))
	}
	out, err := r.reader.AppendEncode(dst, generic)
	if err != nil {
		return dst, fmt.Errorf("encoding by our schema: %w", err)
	}
	return out, nil
}

// rawLogical lets the values of logical types pass as they are on the wire: no decimal becomes a fraction and no
// date a time on the way.
func rawLogical() []avro.SchemaOpt {
	var options []avro.SchemaOpt
	for _, name := range []string{"decimal", "date", "time-millis", "time-micros", "timestamp-millis", "timestamp-micros", "uuid"} {
		options = append(options, avro.CustomType{LogicalType: name})
	}
	return options
}

// shared compares the parts that both a writer and a reader have. Names of types are left to Avro's rule, and so is
// the attribute goType, for a stranger's schema need not have it.
func (c *checker) shared(path string, writer, reader *avro.SchemaNode) {
	if path == "" {
		path = reader.Name
	}
	if !c.sameMeaning(path, writer, reader) {
		return
	}
	switch reader.Type {
	case "record", "error":
		for i := range reader.Fields {
			f := &reader.Fields[i]
			if written := fieldOf(writer, f.Name); written != nil {
				c.shared(path+"."+f.Name, &written.Type, &f.Type)
			}
		}
	case "array":
		c.shared(path+"[]", writer.Items, reader.Items)
	case "map":
		c.shared(path+"{}", writer.Values, reader.Values)
	case "union":
		for i := range writer.Branches {
			written := &writer.Branches[i]
			same := func(b avro.SchemaNode) bool { return unqualified(&b) == unqualified(written) }
			if j := slices.IndexFunc(reader.Branches, same); j >= 0 {
				c.shared(fmt.Sprintf("%s[%d]", path, j), written, &reader.Branches[j])
			} else {
				c.refuse(fmt.Sprintf("%s[%d]", path, i), whyUnread, "the branch %s is unknown", branchName(written))
			}
		}
	}
}

// unqualified is the name of a branch as Avro compares it: without the namespace.
func unqualified(n *avro.SchemaNode) string {
	if n.Name != "" {
		return n.Name
	}
	return n.Type
}
