package main

import "strings"

// fullName gives a type's name with its namespace.
func fullName(namespace, name string) string {
	if strings.Contains(name, ".") {
		return name
	}
	return namespace + "." + name
}

// inliner makes the text of a schema that needs no other file: a type of another file is defined where it is first
// used, and only named after that.
type inliner struct {
	definitions map[string]value // by full name
	seen        map[string]bool  // full names that the text has defined so far
}

// fullSchema gives the compact text of a schema that needs no other file.
func (c *catalogue) fullSchema(v value) string {
	in := inliner{definitions: c.definitions, seen: map[string]bool{}}
	var b strings.Builder
	in.typ(v, "").write(&b)
	return b.String()
}

// typ rewrites a type that stands where names without a dot are of the given namespace.
func (in *inliner) typ(v value, namespace string) value {
	switch v.kind {
	case stringValue:
		full := fullName(namespace, v.text)
		definition, named := in.definitions[full]
		if isPrimitive(v.text) || !named || in.seen[full] {
			return v
		}
		home := full[:strings.LastIndexByte(full, '.')]
		if _, given := definition.get("namespace"); home != namespace && !given {
			// Away from home the definition has to say which namespace it, and every name in it, belongs to.
			own := member{"namespace", value{kind: stringValue, text: home}}
			definition.members = append([]member{own}, definition.members...)
		}
		return in.object(definition, home)
	case arrayValue:
		branches := value{kind: arrayValue}
		for _, b := range v.items {
			branches.items = append(branches.items, in.typ(b, namespace))
		}
		return branches
	case objectValue:
		if own := v.str("namespace"); own != "" {
			namespace = own
		}
		return in.object(v, namespace)
	default:
		return v
	}
}

// object rewrites a type given by an object. A definition that the text already has becomes its name.
func (in *inliner) object(v value, namespace string) value {
	if name := v.str("name"); name != "" {
		full := fullName(namespace, name)
		if in.seen[full] {
			return value{kind: stringValue, text: full}
		}
		in.seen[full] = true
	}
	object := value{kind: objectValue}
	for _, m := range v.members {
		switch m.name {
		case "items":
			m.value = in.typ(m.value, namespace)
		case "fields":
			m.value = in.fields(m.value, namespace)
		}
		object.members = append(object.members, m)
	}
	return object
}

func (in *inliner) fields(v value, namespace string) value {
	fields := value{kind: arrayValue}
	for _, f := range v.items {
		changed := value{kind: objectValue}
		for _, m := range f.members {
			if m.name == "type" {
				m.value = in.typ(m.value, namespace)
			}
			changed.members = append(changed.members, m)
		}
		fields.items = append(fields.items, changed)
	}
	return fields
}
