package contract

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/twmb/avro"
)

// unitTypes are the values of the attribute goType that say what a number counts.
var unitTypes = []string{"Money", "Units", "Price", "Weight", "Quantity"}

// Check says why schema next may not follow schema old on a topic; nothing when it may. Allowed are: descriptions, a
// new field with a default, a default for a field that had none, another order of fields, a branch at the end of a
// union, and a symbol at the end of an enum that has a default.
//
// A new branch is the one thing that an older reader can't take. It stops there, loudly, until it knows the branch.
//
// No field is ever removed and no default changed, so what may follow the last version may follow all of them.
func Check(old, next string) []Problem {
	oldSchema, err := avro.Parse(old)
	if err != nil {
		return []Problem{{Path: "schema", What: "the old schema can't be read: " + err.Error(), Why: whyUnread}}
	}
	nextSchema, err := avro.Parse(next)
	if err != nil {
		return []Problem{{Path: "schema", What: "the new schema can't be read: " + err.Error(), Why: whyUnread}}
	}
	oldNode, nextNode := expanded(oldSchema), expanded(nextSchema)
	var c checker
	c.compare(oldNode.Name, oldNode, nextNode)
	if len(c.problems) > 0 {
		return c.problems
	}
	return checkBothWays(oldSchema, nextSchema, nextNode)
}

// expanded gives the tree of a schema with each named type in place of its name.
func expanded(s *avro.Schema) *avro.SchemaNode {
	root := s.Root()
	return root.ExpandReferences()
}

// checkBothWays asks Avro's own rule: each version must read the other. nextNode has lost its new branches to the
// comparison, for only those may be unknown to the old version.
func checkBothWays(old, next *avro.Schema, nextNode *avro.SchemaNode) []Problem {
	if err := avro.CheckCompatibility(old, next); err != nil {
		return []Problem{{Path: "schema", What: "the new version can't read the old one: " + err.Error(), Why: whyUnread}}
	}
	trimmed, err := nextNode.Schema()
	if err != nil {
		return []Problem{{Path: "schema", What: "the new version can't be taken apart: " + err.Error(), Why: whyUnread}}
	}
	if err := avro.CheckCompatibility(trimmed, old); err != nil {
		return []Problem{{Path: "schema", What: "the old version can't read the new one: " + err.Error(), Why: whyUnread}}
	}
	return nil
}

// checker collects the problems of a comparison.
type checker struct {
	problems []Problem
}

func (c *checker) refuse(path, why, what string, args ...any) {
	c.problems = append(c.problems, Problem{Path: path, What: fmt.Sprintf(what, args...), Why: why})
}

// compare walks two versions of a type, and takes branches and fields that were added out of the new one.
func (c *checker) compare(path string, old, next *avro.SchemaNode) {
	if !c.sameMeaning(path, old, next) {
		return
	}
	if fullName(old) != fullName(next) {
		c.refuse(path, whyNames, "the type's name changed from %s to %s", fullName(old), fullName(next))
	}
	if a, b := goType(old), goType(next); a != b && (slices.Contains(unitTypes, a) || slices.Contains(unitTypes, b)) {
		c.refuse(path, whyMeaning, "what the number counts changed from %q to %q", a, b)
	}
	switch old.Type {
	case "record", "error":
		c.fields(path, old, next)
	case "enum":
		c.symbols(path, old, next)
	case "array":
		c.compare(path+"[]", old.Items, next.Items)
	case "map":
		c.compare(path+"{}", old.Values, next.Values)
	case "union":
		c.branches(path, old, next)
	}
}

// sameMeaning compares what decides how bytes are read. It is false when going deeper makes no sense.
func (c *checker) sameMeaning(path string, old, next *avro.SchemaNode) bool {
	switch {
	case old.Type != next.Type:
		c.refuse(path, whyMeaning, "the type changed from %s to %s", old.Type, next.Type)
		return false
	case logicalType(old) != logicalType(next):
		c.refuse(path, whyMeaning, "the logical type changed from %q to %q", logicalType(old), logicalType(next))
	case old.Scale != next.Scale:
		c.refuse(path, whyMeaning, "the scale changed from %d to %d", old.Scale, next.Scale)
	case old.Precision != next.Precision:
		c.refuse(path, whyUnread, "the precision changed from %d to %d", old.Precision, next.Precision)
	case old.Size != next.Size:
		c.refuse(path, whyUnread, "the size changed from %d to %d bytes", old.Size, next.Size)
	}
	return true
}

// fields compares the fields of a record by name.
func (c *checker) fields(path string, old, next *avro.SchemaNode) {
	for i := range old.Fields {
		was := &old.Fields[i]
		at := path + "." + was.Name
		is := fieldOf(next, was.Name)
		if is == nil {
			c.refuse(at, whyNames, "the field was removed or renamed")
			continue
		}
		c.compare(at, &was.Type, &is.Type)
		switch {
		case was.HasDefault && !is.HasDefault:
			c.refuse(at, whyOldData, "the default was removed")
		case was.HasDefault && !reflect.DeepEqual(was.Default, is.Default):
			c.refuse(at, whyHistory, "the default changed from %v to %v", was.Default, is.Default)
		}
	}
	for i := range next.Fields {
		if is := &next.Fields[i]; fieldOf(old, is.Name) == nil && !is.HasDefault {
			c.refuse(path+"."+is.Name, whyOldData, "the field was added without a default")
		}
	}
	// The old version passes over new fields. What they are made of may be of a type that has lost its new branches elsewhere.
	next.Fields = slices.DeleteFunc(next.Fields, func(f avro.SchemaField) bool { return fieldOf(old, f.Name) == nil && f.HasDefault })
}

// symbols compares the symbols of an enum by their place.
func (c *checker) symbols(path string, old, next *avro.SchemaNode) {
	for i, symbol := range old.Symbols {
		switch now := slices.Index(next.Symbols, symbol); now {
		case i:
		case -1:
			c.refuse(path, whyPosition, "the symbol %s was removed or renamed", symbol)
		default:
			c.refuse(path, whyPosition, "the symbol %s moved from place %d to %d", symbol, i, now)
		}
	}
	if len(next.Symbols) > len(old.Symbols) && !old.HasEnumDefault {
		c.refuse(path, whyUnread, "symbols were added to an enum that had no default")
	}
	if old.HasEnumDefault && (!next.HasEnumDefault || old.EnumDefault != next.EnumDefault) {
		c.refuse(path, whyMeaning, "the enum's default changed from %q to %q", old.EnumDefault, next.EnumDefault)
	}
}

// branches compares the branches of a union by their place, and cuts off the new ones.
func (c *checker) branches(path string, old, next *avro.SchemaNode) {
	for i := range old.Branches {
		was := &old.Branches[i]
		at := fmt.Sprintf("%s[%d]", path, i)
		now := slices.IndexFunc(next.Branches, func(b avro.SchemaNode) bool { return branchName(&b) == branchName(was) })
		switch now {
		case i:
			c.compare(at, was, &next.Branches[i])
		case -1:
			c.refuse(at, whyPosition, "the branch %s was removed or renamed", branchName(was))
		default:
			c.refuse(at, whyPosition, "the branch %s moved from place %d to %d", branchName(was), i, now)
		}
	}
	if len(next.Branches) > len(old.Branches) {
		next.Branches = next.Branches[:len(old.Branches)]
	}
}

func fieldOf(record *avro.SchemaNode, name string) *avro.SchemaField {
	for i := range record.Fields {
		if record.Fields[i].Name == name {
			return &record.Fields[i]
		}
	}
	return nil
}

// fullName is the name of a named type, else empty.
func fullName(n *avro.SchemaNode) string {
	if n.Name == "" || n.Namespace == "" {
		return n.Name
	}
	return n.Namespace + "." + n.Name
}

// branchName is what tells the branches of a union apart.
func branchName(n *avro.SchemaNode) string {
	if n.Name != "" {
		return fullName(n)
	}
	return n.Type
}

func goType(n *avro.SchemaNode) string {
	name, _ := n.Props["goType"].(string)
	return name
}

// logicalType is the logical type as written, also one that the library does not know on this type.
func logicalType(n *avro.SchemaNode) string {
	if name, ok := n.Props["logicalType"].(string); ok && n.LogicalType == "" {
		return name
	}
	return n.LogicalType
}
