package main

// kind is the way a type is written on the wire.
type kind uint8

const (
	boolKind kind = iota
	intKind
	longKind
	stringKind
	bytesKind
	decimalKind
	uuidKind
	fixedKind
	enumKind
	recordKind
	arrayKind
	optionalKind
	unionKind
)

// avroType is a type of a schema together with its Go type.
type avroType struct {
	kind   kind
	area   string // the package of a generated type, else ""
	goName string // the Go type in its package; empty for what is spelled by its element
	doc    string

	precision int       // of a decimal
	size      int       // of a fixed, in bytes
	symbols   []string  // of an enum
	fields    []field   // of a record
	element   *avroType // of an array or an optional
	branches  []branch  // of a union
	nullable  bool      // a union whose branch 0 is null

	complete bool // false while a record's fields are being read: it can't be used inside itself
}

// branch is a record in a union and its index on the wire.
type branch struct {
	index  int
	record *avroType
}

// field is a field of a record.
type field struct {
	name   string // in the schema
	goName string
	doc    string
	typ    *avroType
}

// file is what one .avsc declares.
type file struct {
	area     *area
	base     string      // name without folder and extension
	top      *avroType   // the record that the file is about
	schema   string      // the whole schema, compact, that needs no other file
	declared []*avroType // named types first defined here that get Go code, in the order of definition
	unions   []*avroType // unions first named here
}

// area is a folder of .avsc files: one Avro namespace, one Go package.
type area struct {
	name    string
	files   []*file
	unions  map[string]*avroType // by the name of the Go interface
	goNames map[string]string    // Go name to the place that declared it
}

// spell writes the Go type as the package of an area does. It tells the writer which packages that needs.
func (w *writer) spell(t *avroType) string {
	switch {
	case t.kind == arrayKind:
		return "[]" + w.spell(t.element)
	case t.kind == optionalKind:
		return "*" + w.spell(t.element)
	case t.area != "" && t.area != w.area:
		w.imports[t.area] = true
		return t.area + "." + t.goName
	}
	return t.goName
}

// minBytes is the least number of bytes that a value of the type has on the wire. It bounds the items that an array
// can claim to have.
func (t *avroType) minBytes() int {
	switch t.kind {
	case fixedKind:
		return t.size
	case uuidKind:
		return 1 + 36
	case decimalKind:
		return 2
	case recordKind:
		sum := 0
		for _, f := range t.fields {
			sum += f.typ.minBytes()
		}
		return sum
	default:
		return 1
	}
}
