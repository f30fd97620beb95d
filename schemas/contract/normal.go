package contract

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Normalise gives the text of a schema without descriptions and spaces and with sorted members. Unlike Avro's own
// canonical form it keeps all that gives bytes their meaning: logical types, precision, scale, defaults and our own
// attributes.
func Normalise(schema string) (string, error) { return normalise(schema, withoutDocs) }

// onWire gives the text of a schema as Normalise does, without what only our generator reads: two schemas with the same text have
// the same bytes and the same meaning, whoever wrote them.
func onWire(schema string) (string, error) {
	return normalise(schema, func(tree any) any { return withoutGo(withoutDocs(tree)) })
}

func normalise(schema string, reduce func(tree any) any) (string, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(schema)))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return "", fmt.Errorf("normalising a schema: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("normalising a schema: more text after it")
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(reduce(tree)); err != nil {
		return "", fmt.Errorf("normalising a schema: %w", err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// Fingerprint is the SHA-256 of the normalised schema, in hexadecimal.
func Fingerprint(schema string) (string, error) {
	text, err := Normalise(schema)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:]), nil
}

// withoutDocs removes descriptions from a schema's tree. A default is data: a member of it that is called doc stays.
func withoutDocs(tree any) any {
	switch v := tree.(type) {
	case map[string]any:
		for name, inner := range v {
			switch name {
			case "doc":
				delete(v, name)
			case "default":
			default:
				v[name] = withoutDocs(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutDocs(v[i])
		}
	}
	return tree
}

// withoutGo removes the attributes that name Go types, and writes a type that has no other attribute by its name alone.
func withoutGo(tree any) any {
	switch v := tree.(type) {
	case map[string]any:
		for name, inner := range v {
			switch name {
			case "goType", "goUnion":
				delete(v, name)
			case "default":
			default:
				v[name] = withoutGo(inner)
			}
		}
		if name, plain := v["type"].(string); plain && len(v) == 1 {
			return name
		}
	case []any:
		for i := range v {
			v[i] = withoutGo(v[i])
		}
	}
	return tree
}
