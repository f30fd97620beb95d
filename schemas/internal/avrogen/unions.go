package main

import (
	"fmt"
	"slices"
)

// union reads a union: an optional value, or a choice of records behind a sealed Go interface.
func (p *parser) union(path string, v, holder value) (*avroType, error) {
	branches := v.items
	nullable := len(branches) > 0 && branches[0].text == "null" && branches[0].kind == stringValue
	name := holder.str("goUnion")
	if nullable && len(branches) == 2 && name == "" {
		return p.optional(path, branches[1])
	}
	if name == "" {
		return nil, fmt.Errorf("%s: a union is [\"null\", X], or needs the attribute goUnion beside it", path)
	}
	t := &avroType{kind: unionKind, area: p.area.name, goName: name, nullable: nullable, complete: true}
	for i, b := range branches {
		if nullable && i == 0 {
			continue
		}
		record, err := p.typeOf(fmt.Sprintf("%s[%d]", path, i), b, value{})
		if err != nil {
			return nil, err
		}
		if record.kind != recordKind {
			return nil, fmt.Errorf("%s[%d]: a union holds records, and null as its first", path, i)
		}
		if record.area != p.area.name {
			return nil, fmt.Errorf("%s[%d]: %s belongs to area %s, and Go can't mark it from here; wrap it in a record",
				path, i, record.goName, record.area)
		}
		t.branches = append(t.branches, branch{index: i, record: record})
	}
	if known, ok := p.area.unions[name]; ok {
		if !slices.Equal(known.branches, t.branches) {
			return nil, fmt.Errorf("%s: goUnion %s has other branches elsewhere", path, name)
		}
		return t, nil
	}
	p.area.unions[name] = t
	p.file.unions = append(p.file.unions, t)
	return t, p.claim(path, name)
}

// optional reads ["null", X], a pointer in Go.
func (p *parser) optional(path string, v value) (*avroType, error) {
	element, err := p.typeOf(path, v, value{})
	if err != nil {
		return nil, err
	}
	if element.kind == arrayKind || element.kind == optionalKind || element.kind == unionKind {
		return nil, fmt.Errorf("%s: an optional holds a scalar or a record; an array can be empty instead", path)
	}
	return &avroType{kind: optionalKind, element: element, complete: true}, nil
}
