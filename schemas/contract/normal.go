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
func Normalise(schema string) (string, error) {
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
	if err := encoder.Encode(withoutDocs(tree)); err != nil {
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
