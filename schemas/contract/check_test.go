package contract_test

import (
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/schemas/contract"
)

// base has one of everything that the rules speak of.
const base = `{"type":"record","namespace":"penstock.test","name":"Base","fields":[
	{"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":18,"scale":2,"goType":"Money"}},
	{"name":"held","type":{"type":"long","goType":"Money"}},
	{"name":"pot","type":{"type":"string","goType":"PotID"}},
	{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
	{"name":"on","type":{"type":"int","logicalType":"date"}},
	{"name":"digest","type":{"type":"fixed","name":"Digest","size":32}},
	{"name":"side","type":{"type":"enum","name":"Side","symbols":["BUY","SELL"]}},
	{"name":"open","type":{"type":"enum","name":"Open","symbols":["A","B"],"default":"A"}},
	{"name":"note","type":["null","string"],"default":null},
	{"name":"count","type":"int","default":3},
	{"name":"rows","type":{"type":"array","items":{"type":"record","name":"Row","fields":[
		{"name":"units","type":{"type":"bytes","logicalType":"decimal","precision":18,"scale":6,"goType":"Quantity"}}]}}},
	{"name":"body","goUnion":"Body","type":[
		{"type":"record","name":"Opened","fields":[]},
		{"type":"record","name":"Closed","fields":[]}]}]}`

// change replaces one piece of the base schema.
func change(t *testing.T, old, next string) string {
	t.Helper()
	if strings.Count(base, old) != 1 {
		t.Fatalf("%s stands %d times in the base schema", old, strings.Count(base, old))
	}
	return strings.Replace(base, old, next, 1)
}

func TestForbiddenChanges(t *testing.T) {
	cases := []struct{ name, old, next, path, what string }{
		{"scale", `"scale":2`, `"scale":3`, "Base.amount", "scale changed from 2 to 3"},
		{"scale in an array", `"scale":6`, `"scale":5`, "Base.rows[].units", "scale changed"},
		{"precision", `"precision":18,"scale":2`, `"precision":20,"scale":2`, "Base.amount", "precision changed from 18 to 20"},
		{"decimal dropped", `"logicalType":"decimal","precision":18,"scale":2,"goType":"Money"`, `"goType":"Money"`, "Base.amount", `from "decimal" to ""`},
		{"millis to micros", `timestamp-millis`, `timestamp-micros`, "Base.at", `to "timestamp-micros"`},
		{"date dropped", `{"type":"int","logicalType":"date"}`, `"int"`, "Base.on", "logical type"},
		{"logical type added", `"name":"pot","type":{"type":"string"`, `"name":"pot","type":{"type":"string","logicalType":"uuid"`, "Base.pot", "logical type"},
		{"unit", `{"type":"long","goType":"Money"}`, `{"type":"long","goType":"Units"}`, "Base.held", "counts changed"},
		{"unit dropped", `{"type":"long","goType":"Money"}`, `"long"`, "Base.held", "counts changed"},
		{"fixed size", `"size":32`, `"size":16`, "Base.digest", "size changed"},
		{"symbol added without default", `"BUY","SELL"`, `"BUY","SELL","SWITCH"`, "Base.side", "symbols were added"},
		{"symbol added in front", `"A","B"`, `"C","A","B"`, "Base.open", "moved from place 0 to 1"},
		{"symbols swapped", `"BUY","SELL"`, `"SELL","BUY"`, "Base.side", "moved"},
		{"symbol removed", `"A","B"`, `"A"`, "Base.open", "B was removed"},
		{"symbol renamed", `"BUY"`, `"BOUGHT"`, "Base.side", "BUY was removed"},
		{"enum default dropped", `,"default":"A"`, ``, "Base.open", "default changed"},
		{
			"branches swapped", `{"type":"record","name":"Opened","fields":[]},
		{"type":"record","name":"Closed","fields":[]}`, `{"type":"record","name":"Closed","fields":[]},{"type":"record","name":"Opened","fields":[]}`,
			"Base.body[0]", "moved from place 0 to 1",
		},
		{"branch removed", `,
		{"type":"record","name":"Closed","fields":[]}`, ``, "Base.body[1]", "Closed was removed"},
		{"null moved", `["null","string"],"default":null`, `["string","null"],"default":""`, "Base.note[0]", "moved"},
		{"no longer optional", `["null","string"],"default":null`, `"string","default":""`, "Base.note", "from union to string"},
		{"optional", `{"type":"string","goType":"PotID"}`, `["null","string"],"default":null`, "Base.pot", "from string to union"},
		{"wider integer", `"type":"int","default":3`, `"type":"long","default":3`, "Base.count", "from int to long"},
		{"string to bytes", `{"type":"string","goType":"PotID"}`, `"bytes"`, "Base.pot", "from string to bytes"},
		{"field removed", `{"name":"count","type":"int","default":3},`, ``, "Base.count", "removed or renamed"},
		{"field renamed", `"name":"at"`, `"name":"when"`, "Base.at", "removed or renamed"},
		{"field renamed with an alias", `"name":"count"`, `"name":"total","aliases":["count"]`, "Base.count", "removed or renamed"},
		{"field without default", `{"name":"on"`, `{"name":"extra","type":"long"},{"name":"on"`, "Base.extra", "without a default"},
		{"field without default in a branch", `"name":"Opened","fields":[]`, `"name":"Opened","fields":[{"name":"x","type":"long"}]`, "Base.body[0].x", "without a default"},
		{"default changed", `"default":3`, `"default":4`, "Base.count", "from 3 to 4"},
		{"default removed", `,"default":3`, ``, "Base.count", "default was removed"},
		{"namespace", `penstock.test`, `penstock.other`, "Base", "name changed"},
		{"record renamed", `"name":"Base"`, `"name":"Basis"`, "Base", "name changed"},
		{"item record renamed", `"name":"Row"`, `"name":"Line"`, "Base.rows[]", "name changed"},
		{"not Avro", `"type":"array"`, `"type":"list"`, "schema", "can't be read"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			problems := contract.Check(base, change(t, c.old, c.next))
			for _, p := range problems {
				if p.Path == c.path && strings.Contains(p.What, c.what) && p.Why != "" && !p.Stale {
					return
				}
			}
			t.Errorf("problems are %v, want one at %s about %q", problems, c.path, c.what)
		})
	}
}

func TestAllowedChanges(t *testing.T) {
	cases := []struct{ name, old, next string }{
		{"nothing", `"name":"amount"`, `"name":"amount"`},
		{"description", `"name":"amount"`, `"name":"amount","doc":"What it is."`},
		{"field with default", `{"name":"on"`, `{"name":"extra","type":"long","default":0},{"name":"on"`},
		{"field with default in a branch", `"name":"Opened","fields":[]`, `"name":"Opened","fields":[{"name":"x","type":["null","long"],"default":null}]`},
		{"default for an old field", `"logicalType":"date"}`, `"logicalType":"date"},"default":0`},
		{"branch at the end", `"name":"Closed","fields":[]}`, `"name":"Closed","fields":[]},{"type":"record","name":"Moved","fields":[{"name":"x","type":"long"}]}`},
		{"symbol at the end, with default", `"A","B"`, `"A","B","C"`},
		{"name of a text", `{"type":"string","goType":"PotID"}`, `"string"`},
		{"order of fields", `{"name":"note","type":["null","string"],"default":null},
	{"name":"count","type":"int","default":3}`, `{"name":"count","type":"int","default":3},{"name":"note","type":["null","string"],"default":null}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if problems := contract.Check(base, change(t, c.old, c.next)); len(problems) > 0 {
				t.Errorf("problems are %v", problems)
			}
		})
	}
}

func TestAnOldSchemaThatCannotBeReadIsAProblem(t *testing.T) {
	if problems := contract.Check("{", base); len(problems) != 1 || !strings.Contains(problems[0].String(), "old schema") {
		t.Errorf("problems are %v", problems)
	}
}

// TestANewFieldMayHoldAGrownTypeAgain adds a branch to a union and, in the same version, a field that holds the union's record a second time.
func TestANewFieldMayHoldAGrownTypeAgain(t *testing.T) {
	const old = `{"type":"record","name":"Desk","fields":[{"name":"waiting","type":{"type":"record","name":"Told","fields":[
		{"name":"body","type":[{"type":"record","name":"Opened","fields":[]}]}]}}]}`
	next := strings.Replace(old, `"name":"Opened","fields":[]}`, `"name":"Opened","fields":[]},{"type":"record","name":"Closed","fields":[]}`, 1)
	next = strings.TrimSuffix(next, "]}") + `,{"name":"broken","type":{"type":"array","items":"Told"},"default":[]}]}`
	if problems := contract.Check(old, next); len(problems) > 0 {
		t.Errorf("problems are %v", problems)
	}
}
