package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/avro"
)

// namespaceRoot is the part of every namespace before the area.
const namespaceRoot = "penstock."

// symbolsMax is the number of symbols that an enum's Go type can tell apart.
const symbolsMax = 256

// parser reads one .avsc into its area.
type parser struct {
	all  *catalogue
	area *area
	file *file
}

// parse reads one .avsc, after those that it refers to.
func (c *catalogue) parse(s *source) error {
	v, a := s.text, s.area
	if v.kind != objectValue || v.str("type") != "record" {
		return errors.New("the file must hold one record")
	}
	if want := namespaceRoot + a.name; v.str("namespace") != want {
		return fmt.Errorf("namespace is %q, want %q", v.str("namespace"), want)
	}
	p := parser{all: c, area: a, file: &file{area: a, base: s.base}}
	var err error
	if p.file.top, err = p.record(v.str("name"), v); err != nil {
		return err
	}
	p.file.schema = c.fullSchema(v)
	// A second opinion on everything this generator does not look at, such as defaults.
	if _, err := avro.Parse(p.file.schema); err != nil {
		return fmt.Errorf("checking the whole schema: %w", err)
	}
	a.files = append(a.files, p.file)
	return nil
}

// typeOf reads a schema. holder is the object around it, which names a union's Go interface; path says where we are.
func (p *parser) typeOf(path string, v, holder value) (*avroType, error) {
	switch v.kind {
	case stringValue:
		return p.reference(path, v.text)
	case arrayValue:
		return p.union(path, v, holder)
	case objectValue:
		return p.object(path, v)
	default:
		return nil, fmt.Errorf("%s: %s is no type", path, v.text)
	}
}

// reference reads a type given by its name alone.
func (p *parser) reference(path, name string) (*avroType, error) {
	if isPrimitive(name) {
		return p.object(path, value{kind: objectValue, members: []member{{"type", value{kind: stringValue, text: name}}}})
	}
	t, err := p.all.find(fullName(p.namespace(), name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !t.complete {
		return nil, fmt.Errorf("%s: type %q contains itself", path, name)
	}
	return t, nil
}

// object reads a type given by an object.
func (p *parser) object(path string, v value) (*avroType, error) {
	inner, _ := v.get("type")
	if inner.kind != stringValue {
		return nil, fmt.Errorf("%s: a type inside a type says nothing more; write the inner one alone", path)
	}
	switch inner.text {
	case "record":
		return p.record(path, v)
	case "enum":
		return p.enum(path, v)
	case "fixed":
		return p.fixed(path, v)
	case "array":
		return p.array(path, v)
	case "float", "double":
		return nil, fmt.Errorf("%s: %s: no floats, quantities are decimals", path, inner.text)
	case "map":
		return nil, fmt.Errorf("%s: map: its order is not fixed, use an array of records", path)
	}
	if !isPrimitive(inner.text) {
		return nil, fmt.Errorf("%s: %q: a reference to a named type carries no attributes", path, inner.text)
	}
	return p.primitive(path, inner.text, v)
}

// define declares a named type under its full name. Its definition is kept for other files to inline.
func (p *parser) define(path string, v value, t *avroType) error {
	if ns, given := v.get("namespace"); given && ns.text != p.namespace() {
		return fmt.Errorf("%s: namespace is %q, want %q", path, ns.text, p.namespace())
	}
	if aliases, given := v.get("aliases"); given && len(aliases.items) > 0 {
		return fmt.Errorf("%s: a released name never changes, so there are no aliases", path)
	}
	full := fullName(p.namespace(), v.str("name"))
	if _, twice := p.all.named[full]; twice || v.str("name") == "" {
		return fmt.Errorf("%s: type %q is defined twice, or has no name", path, full)
	}
	p.all.named[full], p.all.definitions[full] = t, v
	return nil
}

// namespace is the Avro namespace of the area.
func (p *parser) namespace() string {
	return namespaceRoot + p.area.name
}

// claim reserves names of the Go package.
func (p *parser) claim(path string, names ...string) error {
	for _, name := range names {
		if other, taken := p.area.goNames[name]; taken {
			return fmt.Errorf("%s: the Go name %s is taken by %s", path, name, other)
		}
		p.area.goNames[name] = path
	}
	return nil
}

// record reads a record with its fields.
func (p *parser) record(path string, v value) (*avroType, error) {
	t := &avroType{kind: recordKind, area: p.area.name, goName: v.str("name"), doc: v.str("doc")}
	if err := p.define(path, v, t); err != nil {
		return nil, err
	}
	if err := p.claim(path, t.goName); err != nil {
		return nil, err
	}
	fields, _ := v.get("fields")
	seen := map[string]bool{}
	for _, fv := range fields.items {
		f := field{name: fv.str("name"), goName: goName(fv.str("name")), doc: fv.str("doc")}
		at := path + "." + f.name
		for _, name := range []string{"goType", "logicalType", "precision", "scale"} {
			// Beside the type most readers ignore it without a word.
			if _, given := fv.get(name); given {
				return nil, fmt.Errorf("%s: %s belongs into the type's object", at, name)
			}
		}
		if seen[f.goName] {
			return nil, fmt.Errorf("%s: two fields are called %s in Go", at, f.goName)
		}
		seen[f.goName] = true
		inner, _ := fv.get("type")
		var err error
		if f.typ, err = p.typeOf(at, inner, fv); err != nil {
			return nil, err
		}
		t.fields = append(t.fields, f)
	}
	t.complete = true
	p.file.declared = append(p.file.declared, t)
	return t, nil
}

// enum reads an enum.
func (p *parser) enum(path string, v value) (*avroType, error) {
	t := &avroType{kind: enumKind, area: p.area.name, goName: v.str("name"), doc: v.str("doc"), complete: true}
	if err := p.define(path, v, t); err != nil {
		return nil, err
	}
	if err := p.claim(path, t.goName, "Parse"+t.goName); err != nil {
		return nil, err
	}
	symbols, _ := v.get("symbols")
	if n := len(symbols.items); n == 0 || n > symbolsMax {
		return nil, fmt.Errorf("%s: an enum has 1 to %d symbols, not %d", path, symbolsMax, n)
	}
	for _, s := range symbols.items {
		t.symbols = append(t.symbols, s.text)
		if err := p.claim(path, t.goName+goName(s.text)); err != nil {
			return nil, err
		}
	}
	p.file.declared = append(p.file.declared, t)
	return t, nil
}

// fixed reads a fixed: a Go array type of its own, or an ID when the schema says so.
func (p *parser) fixed(path string, v value) (*avroType, error) {
	size, _ := v.get("size")
	n, err := strconv.Atoi(size.text)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("%s: size %q of a fixed", path, size.text)
	}
	t := &avroType{kind: fixedKind, area: p.area.name, goName: v.str("name"), doc: v.str("doc"), size: n, complete: true}
	if err := p.define(path, v, t); err != nil {
		return nil, err
	}
	goType, logical := v.str("goType"), v.str("logicalType")
	switch {
	case (goType == "ID" || goType == "" && logical == "uuid") && n == 16:
		t.area, t.goName = "", nouns+"ID"
		return t, nil
	case goType != "" || logical != "":
		return nil, fmt.Errorf("%s: fixed of %d bytes can't be %s%s", path, n, goType, logical)
	}
	p.file.declared = append(p.file.declared, t)
	return t, p.claim(path, t.goName)
}

// array reads an array.
func (p *parser) array(path string, v value) (*avroType, error) {
	items, _ := v.get("items")
	element, err := p.typeOf(path+"[]", items, v)
	if err != nil {
		return nil, err
	}
	if element.minBytes() == 0 {
		return nil, fmt.Errorf("%s: items without bytes could be claimed without end", path)
	}
	return &avroType{kind: arrayKind, element: element, complete: true}, nil
}

func isPrimitive(name string) bool {
	switch name {
	case "null", "boolean", "int", "long", "float", "double", "bytes", "string":
		return true
	}
	return false
}
