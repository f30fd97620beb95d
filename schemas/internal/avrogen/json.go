package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// value is a piece of JSON that keeps the order of its members, so that a schema's text stays as its author wrote it.
type value struct {
	kind    valueKind
	members []member // of an object
	items   []value  // of an array
	text    string   // a string's content; the literal of a number, boolean or null
}

type valueKind uint8

const (
	literalValue valueKind = iota
	stringValue
	arrayValue
	objectValue
)

// member is a name in an object and what it stands for.
type member struct {
	name  string
	value value
}

// parseJSON reads exactly one JSON value.
func parseJSON(text []byte) (value, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	v, err := readValue(decoder)
	if err != nil {
		return value{}, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return value{}, fmt.Errorf("more text after the schema, at byte %d", decoder.InputOffset())
	}
	return v, nil
}

func readValue(decoder *json.Decoder) (value, error) {
	token, err := decoder.Token()
	if err != nil {
		return value{}, fmt.Errorf("reading JSON at byte %d: %w", decoder.InputOffset(), err)
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return readObject(decoder)
		}
		return readArray(decoder)
	case string:
		return value{kind: stringValue, text: t}, nil
	case nil:
		return value{text: "null"}, nil
	default:
		return value{text: fmt.Sprint(t)}, nil
	}
}

func readObject(decoder *json.Decoder) (value, error) {
	object := value{kind: objectValue}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return value{}, fmt.Errorf("reading JSON at byte %d: %w", decoder.InputOffset(), err)
		}
		name := token.(string) // the decoder lets nothing else stand for a name
		if _, twice := object.get(name); twice {
			return value{}, fmt.Errorf("%q stands twice in one object, at byte %d", name, decoder.InputOffset())
		}
		v, err := readValue(decoder)
		if err != nil {
			return value{}, err
		}
		object.members = append(object.members, member{name, v})
	}
	_, err := decoder.Token()
	return object, err
}

func readArray(decoder *json.Decoder) (value, error) {
	array := value{kind: arrayValue}
	for decoder.More() {
		v, err := readValue(decoder)
		if err != nil {
			return value{}, err
		}
		array.items = append(array.items, v)
	}
	_, err := decoder.Token()
	return array, err
}

// get finds a member of an object.
func (v value) get(name string) (value, bool) {
	for _, m := range v.members {
		if m.name == name {
			return m.value, true
		}
	}
	return value{}, false
}

// str gives the content of a member that is a string, else "".
func (v value) str(name string) string {
	m, _ := v.get(name)
	if m.kind != stringValue {
		return ""
	}
	return m.text
}

// write appends the value as JSON without spaces.
func (v value) write(b *strings.Builder) {
	switch v.kind {
	case literalValue:
		b.WriteString(v.text)
	case stringValue:
		b.WriteString(quoteJSON(v.text))
	case arrayValue:
		b.WriteByte('[')
		for i, item := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.write(b)
		}
		b.WriteByte(']')
	case objectValue:
		b.WriteByte('{')
		for i, m := range v.members {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(quoteJSON(m.name))
			b.WriteByte(':')
			m.value.write(b)
		}
		b.WriteByte('}')
	}
}

// quoteJSON writes a string as JSON, with <, > and & as they are.
func quoteJSON(s string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		panic("avrogen: quoting a string: " + err.Error()) // strings always encode
	}
	return strings.TrimSuffix(b.String(), "\n")
}
