package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/avro"
)

// write puts schemas into a folder of their own and gives it. The name of each is <area>/<file>.avsc.
func write(t *testing.T, schemas map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range schemas {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// one gives a schema whose single field has the given type.
func one(typ string) string {
	return `{"type":"record","namespace":"penstock.area","name":"One","fields":[{"name":"f","type":` + typ + `}]}`
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	cases := []struct{ name, typ, want string }{
		{"float", `"float"`, "no floats"},
		{"double in an optional", `["null","double"]`, "no floats"},
		{"map", `{"type":"map","values":"string"}`, "map"},
		{"decimal without a Go type", `{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, "no Go type"},
		{"decimal of another scale", `{"type":"bytes","logicalType":"decimal","precision":9,"scale":3,"goType":"Money"}`, "scale is 3"},
		{"decimal without a scale", `{"type":"bytes","logicalType":"decimal","precision":9,"goType":"Money"}`, "scale is 0"},
		{"decimal beyond 64 bits", `{"type":"bytes","logicalType":"decimal","precision":19,"scale":2,"goType":"Money"}`, "precision 19"},
		{"decimal of units", `{"type":"bytes","logicalType":"decimal","precision":9,"scale":6,"goType":"Units"}`, "no Go type"},
		{"Go type of another wire type", `{"type":"long","goType":"PotID"}`, "no Go type"},
		{"unknown Go type", `{"type":"string","goType":"Pot"}`, "no Go type"},
		{"timestamp in microseconds", `{"type":"long","logicalType":"timestamp-micros"}`, "no Go type"},
		{"unknown type", `"Nowhere"`, "not defined anywhere"},
		{"type inside itself", `{"type":"array","items":"One"}`, "contains itself"},
		{"union without a name", `["null","string","long"]`, "goUnion"},
		{"union of scalars", `{"type":"array","goUnion":"U","items":["string","long"]}`, "a union holds records"},
		{"optional array", `["null",{"type":"array","items":"long"}]`, "an array can be empty"},
		{"items without bytes", `{"type":"array","items":{"type":"record","name":"E","fields":[]}}`, "without end"},
		{"type in a type", `{"type":{"type":"string"}}`, "type inside a type"},
		{"alias", `{"type":"record","name":"E","aliases":["F"],"fields":[]}`, "aliases"},
		{"foreign namespace", `{"type":"record","name":"E","namespace":"other","fields":[]}`, "namespace"},
		{"name taken by the schema", `{"type":"record","name":"One","fields":[]}`, "defined twice"},
		{"no symbols", `{"type":"enum","name":"E","symbols":[]}`, "symbols"},
		{"symbols equal in Go", `{"type":"enum","name":"E","symbols":["A_B","AB","aB"]}`, "is taken"},
		{"fixed as another noun", `{"type":"fixed","name":"F","size":8,"goType":"ID"}`, "can't be"},
		{"bad default", `"string","default":5`, "whole schema"},
		{"field twice in Go", `"string"},{"name":"F","type":"string"`, "called F"},
		{"Go type beside the type", `"string","goType":"PotID"`, "belongs into"},
		{"logical type beside the type", `"long","logicalType":"timestamp-millis"`, "belongs into"},
		{"member twice", `"string","type":"long"`, "stands twice"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := run(write(t, map[string]string{"area/one.avsc": one(c.typ)}), false)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one about %q", err, c.want)
			}
		})
	}
}

func TestTypesOfOtherFilesAreInlinedOnce(t *testing.T) {
	root := write(t, map[string]string{
		// "a" sorts before the files that it refers to, and meets Inner before Outer defines it.
		"a/a.avsc": `{"type":"record","namespace":"penstock.a","name":"A","fields":[
			{"name":"inner","type":"penstock.b.Inner"},{"name":"outer","type":"penstock.b.Outer"},{"name":"z","type":"Z"}]}`,
		"a/z.avsc": `{"type":"record","namespace":"penstock.a","name":"Z","fields":[{"name":"x","type":"penstock.b.Inner"}]}`,
		"b/b.avsc": `{"type":"record","namespace":"penstock.b","name":"Outer","fields":[{"name":"inner","type":
			{"type":"record","name":"Inner","fields":[{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["X"]}}]}},
			{"name":"again","type":"Inner"},{"name":"kind","type":"Kind"}]}`,
	})
	all, err := load([]string{filepath.Join(root, "a/a.avsc"), filepath.Join(root, "a/z.avsc"), filepath.Join(root, "b/b.avsc")})
	if err != nil {
		t.Fatal(err)
	}
	if err := all.parseAll(); err != nil {
		t.Fatal(err)
	}
	for _, f := range all.areas[filepath.Join(root, "a")].files {
		if _, err := avro.Parse(f.schema); err != nil {
			t.Errorf("the schema of %s does not stand alone: %v\n%s", f.base, err, f.schema)
		}
		if strings.Count(f.schema, `"name":"Inner"`) != 1 || strings.Count(f.schema, `"name":"Kind"`) != 1 {
			t.Errorf("Inner and Kind are not defined once in %s", f.schema)
		}
		source, err := f.area.goFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(source), "b.Inner\n") || strings.Contains(string(source), "type Inner") {
			t.Errorf("%s does not use the other area's type:\n%s", f.base, source)
		}
	}
}

func TestFilesThatNeedEachOtherAreRefused(t *testing.T) {
	record := func(name, other string) string {
		return `{"type":"record","namespace":"penstock.area","name":"` + name + `","fields":[{"name":"f","type":"` + other + `"}]}`
	}
	err := run(write(t, map[string]string{"area/a.avsc": record("A", "B"), "area/b.avsc": record("B", "A")}), false)
	if err == nil || !strings.Contains(err.Error(), "contains itself") {
		t.Errorf("error is %v", err)
	}
}

func TestCheckTellsOfStaleFilesAndRunMendsThem(t *testing.T) {
	root := write(t, map[string]string{"area/one.avsc": one(`"string"`), "area/gone_avro.go": "package area\n"})
	if err := run(root, true); err == nil || !strings.Contains(err.Error(), "gone_avro.go has no schema") ||
		!strings.Contains(err.Error(), "one_avro.go is out of date") {
		t.Errorf("error is %v", err)
	}
	if err := run(root, false); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err != nil {
		t.Errorf("after writing: %v", err)
	}
}

func TestGeneratedFilesOfTheTreeAreCurrent(t *testing.T) {
	for _, root := range []string{"", ".."} {
		if err := run(root, true); err != nil {
			t.Error(err)
		}
	}
}

func TestGoNames(t *testing.T) {
	for name, want := range map[string]string{
		"id": "ID", "potId": "PotID", "instruction_id": "InstructionID", "SELL_ALL": "SellAll", "BUY": "Buy", "unitsOwed": "UnitsOwed",
		"cutOffMinute": "CutOffMinute", "IDNumber": "IDNumber", "sha256": "Sha256", "T0": "T0", "a": "A", "orderIds": "OrderIDs",
	} {
		if got := goName(name); got != want {
			t.Errorf("%s becomes %s, want %s", name, got, want)
		}
	}
}
