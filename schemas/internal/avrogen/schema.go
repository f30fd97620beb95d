package main

import "strings"

// fullName gives a type's name with its namespace.
func (a *area) fullName(name string) string {
	if strings.Contains(name, ".") {
		return name
	}
	return namespaceRoot + a.name + "." + name
}

// fullSchema gives the compact text of a schema that needs no other file: a type of another file is defined where it
// is first used, and only named after that.
func (a *area) fullSchema(v value) string {
	var b strings.Builder
	a.inline(v, map[string]bool{}).write(&b)
	return b.String()
}

// inline replaces the first use of each name by its definition, and each later definition by the name.
func (a *area) inline(v value, seen map[string]bool) value {
	switch v.kind {
	case stringValue:
		definition, named := a.definitions[a.fullName(v.text)]
		if isPrimitive(v.text) || !named || seen[a.fullName(v.text)] {
			return v
		}
		return a.inline(definition, seen)
	case arrayValue:
		branches := value{kind: arrayValue}
		for _, b := range v.items {
			branches.items = append(branches.items, a.inline(b, seen))
		}
		return branches
	case objectValue:
		return a.inlineObject(v, seen)
	default:
		return v
	}
}

func (a *area) inlineObject(v value, seen map[string]bool) value {
	if name := v.str("name"); name != "" {
		if seen[a.fullName(name)] {
			return value{kind: stringValue, text: name}
		}
		seen[a.fullName(name)] = true
	}
	object := value{kind: objectValue}
	for _, m := range v.members {
		switch m.name {
		case "items":
			m.value = a.inline(m.value, seen)
		case "fields":
			m.value = a.inlineFields(m.value, seen)
		}
		object.members = append(object.members, m)
	}
	return object
}

func (a *area) inlineFields(v value, seen map[string]bool) value {
	fields := value{kind: arrayValue}
	for _, f := range v.items {
		changed := value{kind: objectValue}
		for _, m := range f.members {
			if m.name == "type" {
				m.value = a.inline(m.value, seen)
			}
			changed.members = append(changed.members, m)
		}
		fields.items = append(fields.items, changed)
	}
	return fields
}
