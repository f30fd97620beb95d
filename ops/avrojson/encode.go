package avrojson

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/avro"
)

// native returns the value that the Avro library encodes for a JSON value at a path.
func native(path string, n *avro.SchemaNode, v any) (any, error) {
	if value, ok, err := logical(n, v); ok || err != nil {
		return value, at(path, err)
	}
	switch n.Type {
	case "record", "error":
		return record(path, n, v)
	case "union":
		return union(path, n, v)
	case "array":
		return array(path, n, v)
	case "map":
		return values(path, n, v)
	}
	value, err := primitive(n, v)
	return value, at(path, err)
}

func at(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case path == "":
		return err
	}
	return fmt.Errorf("field %s: %w", path, err)
}

func under(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func record(path string, n *avro.SchemaNode, v any) (any, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil, at(path, wrong(v, "an object with the fields "+fieldNames(n)))
	}
	for name := range object {
		if !slices.ContainsFunc(n.Fields, func(f avro.SchemaField) bool { return f.Name == name }) {
			return nil, at(path, fmt.Errorf("%s has no field %q; its fields are %s", shortName(n), name, fieldNames(n)))
		}
	}
	out := make(map[string]any, len(n.Fields))
	for i := range n.Fields {
		field := &n.Fields[i]
		given, ok := object[field.Name]
		if !ok {
			if !field.HasDefault {
				return nil, at(path, fmt.Errorf("%s needs the field %q", shortName(n), field.Name))
			}
			out[field.Name] = field.Default
			continue
		}
		value, err := native(under(path, field.Name), &field.Type, given)
		if err != nil {
			return nil, err
		}
		out[field.Name] = value
	}
	return out, nil
}

func fieldNames(n *avro.SchemaNode) string {
	names := make([]string, len(n.Fields))
	for i := range n.Fields {
		names[i] = n.Fields[i].Name
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func union(path string, n *avro.SchemaNode, v any) (any, error) {
	if v == nil && slices.ContainsFunc(n.Branches, func(b avro.SchemaNode) bool { return b.Type == "null" }) {
		return nil, nil
	}
	if only := optional(n); only != nil {
		value, err := native(path, only, untag(only, v))
		return map[string]any{fullName(only): value}, err
	}
	names := make([]string, 0, len(n.Branches))
	for i := range n.Branches {
		names = append(names, shortName(&n.Branches[i]))
	}
	object, ok := v.(map[string]any)
	if !ok || len(object) != 1 {
		return nil, at(path, wrong(v, `an object with one member that names the type, such as {"`+names[0]+`": ...}; the types are `+strings.Join(names, ", ")))
	}
	for name, tagged := range object {
		for i := range n.Branches {
			branch := &n.Branches[i]
			if name == fullName(branch) || name == shortName(branch) {
				value, err := native(under(path, shortName(branch)), branch, tagged)
				return map[string]any{fullName(branch): value}, err
			}
		}
		return nil, at(path, fmt.Errorf("there is no type %q here; the types are %s", name, strings.Join(names, ", ")))
	}
	return nil, nil
}

// untag takes the tag off an optional value that was written with one, as Avro's own JSON does.
func untag(n *avro.SchemaNode, v any) any {
	object, ok := v.(map[string]any)
	if !ok || len(object) != 1 {
		return v
	}
	for _, name := range []string{fullName(n), shortName(n)} {
		if value, ok := object[name]; ok {
			return value
		}
	}
	return v
}

func array(path string, n *avro.SchemaNode, v any) (any, error) {
	items, ok := v.([]any)
	if !ok {
		return nil, at(path, wrong(v, "a list"))
	}
	out := make([]any, len(items))
	for i, item := range items {
		value, err := native(path+"["+strconv.Itoa(i)+"]", n.Items, item)
		if err != nil {
			return nil, err
		}
		out[i] = value
	}
	return out, nil
}

func values(path string, n *avro.SchemaNode, v any) (any, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil, at(path, wrong(v, "an object"))
	}
	out := make(map[string]any, len(object))
	for key, item := range object {
		value, err := native(under(path, key), n.Values, item)
		if err != nil {
			return nil, err
		}
		out[key] = value
	}
	return out, nil
}

func primitive(n *avro.SchemaNode, v any) (any, error) {
	switch n.Type {
	case "null":
		if v == nil {
			return nil, nil
		}
		return nil, wrong(v, "null")
	case "boolean":
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, wrong(v, "true or false")
	case "string":
		if text, ok := v.(string); ok {
			return text, nil
		}
		return nil, wrong(v, "a text")
	case "enum":
		if text, ok := v.(string); ok && slices.Contains(n.Symbols, text) {
			return text, nil
		}
		return nil, wrong(v, "one of "+strings.Join(n.Symbols, ", "))
	case "int":
		number, err := integer(v, 32)
		return int32(number), err //nolint:gosec // parsed as 32 bits
	case "long":
		return integer(v, 64)
	case "float", "double":
		if number, ok := v.(json.Number); ok {
			return number, nil
		}
		return nil, wrong(v, "a number")
	case "fixed":
		return hexadecimal(v, n.Size)
	case "bytes":
		if text, ok := v.(string); ok {
			raw, err := base64.StdEncoding.DecodeString(text)
			if err == nil {
				return raw, nil
			}
		}
		return nil, wrong(v, "bytes in base 64")
	}
	return nil, fmt.Errorf("values of type %s cannot be written here", n.Type)
}

func integer(v any, bits int) (int64, error) {
	if number, ok := v.(json.Number); ok {
		if parsed, err := strconv.ParseInt(number.String(), 10, bits); err == nil {
			return parsed, nil
		}
	}
	return 0, wrong(v, fmt.Sprintf("a whole number of %d bits", bits))
}

func hexadecimal(v any, size int) (any, error) {
	if text, ok := v.(string); ok {
		raw, err := hex.DecodeString(text)
		if err == nil && len(raw) == size {
			return raw, nil
		}
	}
	return nil, wrong(v, fmt.Sprintf("%d bytes in hexadecimal", size))
}

// shownMax bounds what an error repeats of a value.
const shownMax = 60

// wrong says what was expected instead of a value.
func wrong(v any, want string) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("must be %s", want)
	}
	if len(text) > shownMax {
		text = append(text[:shownMax:shownMax], "..."...)
	}
	return fmt.Errorf("is %s, must be %s", text, want)
}
