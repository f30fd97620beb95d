package oracle

import (
	"bytes"
	"fmt"
	"reflect"

	"github.com/twmb/avro"
)

// same compares a random value with the Go value that the generated code decoded, and says where they differ.
// A record's Go fields stand in the order of the schema's.
func same(path string, n *avro.SchemaNode, want any, got reflect.Value) error {
	switch n.Type {
	case "record":
		got = reflect.Indirect(got)
		for i, v := range want.([]any) {
			if err := same(path+"."+got.Type().Field(i).Name, &n.Fields[i].Type, v, got.Field(i)); err != nil {
				return err
			}
		}
		return nil
	case "array":
		items := want.([]any)
		if got.Len() != len(items) {
			return fmt.Errorf("%s has %d items, want %d", path, got.Len(), len(items))
		}
		for i, v := range items {
			if err := same(fmt.Sprintf("%s[%d]", path, i), n.Items, v, got.Index(i)); err != nil {
				return err
			}
		}
		return nil
	case "union":
		return sameBranch(path, n, want.(choice), got)
	}
	return sameScalar(path, n, want, got)
}

func sameBranch(path string, n *avro.SchemaNode, want choice, got reflect.Value) error {
	branch := &n.Branches[want.index]
	switch {
	case branch.Type == "null" && got.IsNil():
		return nil
	case branch.Type == "null" || got.IsNil():
		return fmt.Errorf("%s is %v, want branch %d", path, got, want.index)
	}
	inner := got.Elem()
	if got.Kind() == reflect.Interface {
		inner = inner.Elem() // the interface holds a pointer
		if inner.Type().Name() != branch.Name {
			return fmt.Errorf("%s is a %s, want a %s", path, inner.Type().Name(), branch.Name)
		}
	}
	return same(path, branch, want.value, inner)
}

func sameScalar(path string, n *avro.SchemaNode, want any, got reflect.Value) error {
	var equal bool
	switch w := want.(type) {
	case bool:
		equal = got.Bool() == w
	case int32:
		equal = got.Int() == int64(w)
	case int64:
		equal = got.Int() == w
	case []byte:
		equal = bytes.Equal(got.Bytes(), w)
	case string:
		switch {
		case n.LogicalType == "uuid":
			equal = uuidText(got.Bytes()) == w
		case n.Type == "enum":
			equal = fmt.Sprint(got.Interface()) == w && n.Symbols[got.Uint()] == w
		default:
			equal = got.String() == w
		}
	}
	if !equal {
		return fmt.Errorf("%s is %v, want %v", path, got, want)
	}
	return nil
}
