package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// record is a record type of the schemas.
type record struct {
	// name has its namespace: two areas may have types of one name.
	name, doc string
	fields    []field
	// uses are the records that its fields refer to, in their order.
	uses []string
}

// field is a field of a record.
type field struct {
	name, doc string
	kind      kind
}

// kind is what a field is made of. For a list or an optional it is that of what is in it.
type kind struct {
	// avro is the primitive type, "enum", "fixed" or "record".
	avro string
	// noun is the field's Go type or its logical type, where it has one; of a named type it is the name.
	noun string
	// scale is that of a decimal, size that of a fixed; symbols are those of an enum, records the names that a record or a union refers to.
	scale, size      int
	symbols, records []string
	list, optional   bool
}

// reader collects the records of schemas; each is read where it is first defined.
type reader struct {
	records map[string]*record
	named   map[string]kind
	order   []string
}

func newReader() *reader { return &reader{records: map[string]*record{}, named: map[string]kind{}} }

// schema is the JSON of a type, as far as it is of interest.
type schema struct {
	Type      json.RawMessage `json:"type"`
	Name      string          `json:"name"`
	Namespace string          `json:"namespace"`
	Doc       string          `json:"doc"`
	GoType    string          `json:"goType"`
	Logical   string          `json:"logicalType"`
	Scale     int             `json:"scale"`
	Size      int             `json:"size"`
	Symbols   []string        `json:"symbols"`
	Items     json.RawMessage `json:"items"`
	Fields    []struct {
		Name string          `json:"name"`
		Doc  string          `json:"doc"`
		Type json.RawMessage `json:"type"`
	} `json:"fields"`
}

// read returns the kind of a type that stands in a namespace, and keeps the records in it.
func (r *reader) read(text json.RawMessage, namespace string) (kind, error) {
	switch text[0] {
	case '"':
		var name string
		if err := json.Unmarshal(text, &name); err != nil {
			return kind{}, err
		}
		return r.reference(name, namespace)
	case '[':
		return r.union(text, namespace)
	}
	var s schema
	if err := json.Unmarshal(text, &s); err != nil {
		return kind{}, err
	}
	var avro string
	if err := json.Unmarshal(s.Type, &avro); err != nil {
		return kind{}, fmt.Errorf("a type inside a type: %w", err)
	}
	if s.Namespace != "" {
		namespace = s.Namespace
	}
	switch avro {
	case "record":
		return r.record(&s, namespace)
	case "array":
		k, err := r.read(s.Items, namespace)
		k.list = true
		return k, err
	case "enum", "fixed":
		k := kind{avro: avro, noun: s.Name, symbols: s.Symbols, size: s.Size}
		r.named[full(s.Name, namespace)] = k
		return k, nil
	}
	noun := s.GoType
	if noun == "" {
		noun = s.Logical
	}
	return kind{avro: avro, noun: noun, scale: s.Scale}, nil
}

func full(name, namespace string) string {
	if strings.Contains(name, ".") {
		return name
	}
	return namespace + "." + name
}

func (r *reader) reference(name, namespace string) (kind, error) {
	switch name {
	case "null", "boolean", "int", "long", "bytes", "string":
		return kind{avro: name}, nil
	}
	k, ok := r.named[full(name, namespace)]
	if !ok {
		return kind{}, fmt.Errorf("type %s is used before it is defined", full(name, namespace))
	}
	return k, nil
}

// union reads an optional, or the records of which a field has one.
func (r *reader) union(text json.RawMessage, namespace string) (kind, error) {
	var branches []json.RawMessage
	if err := json.Unmarshal(text, &branches); err != nil {
		return kind{}, err
	}
	var all kind
	for _, branch := range branches {
		k, err := r.read(branch, namespace)
		if err != nil {
			return kind{}, err
		}
		if k.avro == "null" {
			all.optional = true
			continue
		}
		k.records = append(all.records, k.records...)
		k.optional = all.optional
		all = k
	}
	return all, nil
}

func (r *reader) record(s *schema, namespace string) (kind, error) {
	name := full(s.Name, namespace)
	k := kind{avro: "record", noun: s.Name, records: []string{name}}
	r.named[name] = k
	read := &record{name: name, doc: s.Doc}
	r.records[name] = read
	r.order = append(r.order, name)
	for _, f := range s.Fields {
		fieldKind, err := r.read(f.Type, namespace)
		if err != nil {
			return k, fmt.Errorf("%s.%s: %w", name, f.Name, err)
		}
		read.fields = append(read.fields, field{f.Name, f.Doc, fieldKind})
		read.uses = append(read.uses, fieldKind.records...)
	}
	return k, nil
}
