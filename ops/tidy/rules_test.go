package tidy

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// example is a tree that breaks one rule in one place, and one that comes close without breaking it.
type example struct {
	rule string
	bad  map[string]string
	good map[string]string
}

// imports is the source of a package that imports one other.
func imports(name string) string { return "package a\n\nimport _ \"" + name + "\"\n" }

// lines is a Go file with a function of n lines.
func lines(n int) string {
	return "package a\n\nfunc f() {\n" + strings.Repeat("\t_ = 0\n", n-2) + "}\n"
}

func examples() []example {
	slash := "/"
	return []example{
		{"parses", map[string]string{"a/a.go": "package"}, map[string]string{"a/a.go": "package a"}},
		{"imports", map[string]string{"schemas/a.go": imports(Module + "/streams")}, map[string]string{"streams/a.go": imports(Module + "/schemas/ledger")}},
		{"imports", map[string]string{"streams/a.go": imports(Module + "/streams/engine")}, map[string]string{"streams/engine/a.go": imports(Module + "/streams")}},
		{"imports", map[string]string{"streams/feed/a.go": imports(Module + "/streams/engine")}, map[string]string{"streams/engine/a.go": imports(Module + "/streams/feed")}},
		{"imports", map[string]string{"processors/pot/a.go": imports(Module + "/streams/engine")}, map[string]string{"processors/pot/a.go": imports(Module + "/streams")}},
		{"imports", map[string]string{"processors/pot/a_test.go": imports(Module + "/processors/dealing")}, map[string]string{"processors/a_test.go": imports(Module + "/processors/dealing")}},
		{"imports", map[string]string{"processors/charges/annual/a.go": imports(Module + "/processors/charges/flat")}, map[string]string{"processors/charges/annual/a.go": imports(Module + "/processors/charges/internal/basis")}},
		{"imports", map[string]string{"processors/charges/annual/a.go": imports(Module + "/processors/pot")}, map[string]string{"processors/charges/annual/a.go": imports(Module + "/processors/internal/allocation")}},
		{"imports", map[string]string{"sinks/postgres/a.go": imports(Module + "/sinks/custodian")}, map[string]string{"cmd/penstock/a.go": imports(Module + "/sinks/custodian")}},
		{"imports", map[string]string{"sinks/internal/wire/a.go": imports(Module + "/sinks/bank")}, map[string]string{"sinks/bank/a.go": imports(Module + "/sinks/internal/wire")}},
		{"imports", map[string]string{"processors/model/a.go": imports(Module + "/schemas")}, map[string]string{"processors/model/a_test.go": imports(Module + "/schemas")}},
		{"imports", map[string]string{"ops/embedded/a.go": imports(Module + "/cmd/penstock")}, map[string]string{"ops/embedded/a.go": imports(Module + "/sinks/postgres")}},
		{"imports", map[string]string{"streams/engine/a.go": imports(Module + "/ops/realkafka")}, map[string]string{"streams/engine/a_test.go": imports(Module + "/ops/realkafka")}},
		{"libraries", map[string]string{"processors/pot/a.go": imports("github.com/lovoo/goka")}, map[string]string{"streams/engine/a.go": imports("github.com/lovoo/goka")}},
		{"libraries", map[string]string{"cmd/penstock/a.go": imports("github.com/twmb/franz-go/pkg/kgo")}, map[string]string{"cmd/penstock/a_test.go": imports("github.com/twmb/franz-go/pkg/kgo")}},
		{"libraries", map[string]string{"sinks/custodian/a.go": imports("github.com/jackc/pgx/v5/pgxpool")}, map[string]string{"sinks/postgres/a.go": imports("github.com/jackc/pgx/v5/pgxpool")}},
		{"libraries", map[string]string{"schemas/a.go": imports("pgregory.net/rapid")}, map[string]string{"schemas/a_test.go": imports("pgregory.net/rapid")}},
		{"pure-imports", map[string]string{"processors/pot/a.go": imports("net/http")}, map[string]string{"sinks/custodian/a.go": imports("net/http")}},
		{"pure-imports", map[string]string{"processors/pot/a.go": imports("math/rand/v2")}, map[string]string{"processors/pot/a_test.go": imports("os")}},
		{
			"clock",
			map[string]string{"schemas/a.go": "package a\n\nimport clock \"time\"\n\nvar now = clock.Now\n"},
			map[string]string{"streams/engine/a.go": "package a\n\nimport \"time\"\n\nvar now = time.Now\n", "schemas/a.go": "package a\n\nimport \"time\"\n\nvar day = 24 * time.Hour\n"},
		},
		{
			"sleep",
			map[string]string{"ops/a_test.go": "package a\n\nimport \"time\"\n\nfunc f() { time.Sleep(1) }\n"},
			map[string]string{"ops/a.go": "package a\n\nimport \"time\"\n\nfunc f() { time.Sleep(1) }\n"},
		},
		{
			"random-id",
			map[string]string{"processors/pot/a.go": "package a\n\nimport \"github.com/google/uuid\"\n\nvar id = uuid.New()\n"},
			map[string]string{"processors/pot/a.go": "package a\n\nimport \"github.com/google/uuid\"\n\nvar id = uuid.NewSHA1(uuid.Nil, nil)\n"},
		},
		{"goroutine", map[string]string{"processors/pot/a.go": "package a\n\nfunc f() { go f() }\n"}, map[string]string{"streams/engine/a.go": "package a\n\nfunc f() { go f() }\n"}},
		{"goroutine", map[string]string{"schemas/a_test.go": "package a\n\nfunc f() { go f() }\n"}, map[string]string{"sinks/a_test.go": "package a\n\nfunc f() { go f() }\n"}},
		{"goroutine", map[string]string{"streams/a.go": "package a\n\nfunc f(w W) { w.Go(g) }\n"}, map[string]string{"streams/feed/a.go": "package a\n\nfunc f(w W) { w.Go(g) }\n"}},
		{"goroutine", map[string]string{"ops/history/a_test.go": "package a\n\nfunc f(t T) { t.Parallel() }\n"}, map[string]string{"ops/a_test.go": "package a\n\nfunc f(t T) { t.Parallel() }\n"}},
		{"goroutine", map[string]string{"Makefile": "\nSEQUENTIAL := ./streams/engine\n"}, map[string]string{"Makefile": "\nSEQUENTIAL := " + sequentialPackages + "\n"}},
		{"float", map[string]string{"sinks/postgres/a.go": "package a\n\ntype row struct{ amount float64 }\n"}, map[string]string{"ops/a.go": "package a\n\ntype row struct{ seconds float64 }\n", "sinks/a_bench_test.go": "package a\n\ntype row struct{ perSecond float64 }\n"}},
		{"float", map[string]string{"processors/pot/a.go": "package a\n\nconst fee = 0.5\n"}, map[string]string{"processors/pot/a.go": "package a\n\nconst fee = 5e9\n"}},
		{"float", map[string]string{"schemas/a.go": "package a\n\nvar x = price.InexactFloat64()\n"}, map[string]string{"schemas/a.go": "package a\n\nvar x = price.IntPart()\n"}},
		{"init", map[string]string{"schemas/a.go": "package a\n\nfunc init() {}\n"}, map[string]string{"schemas/a.go": "package a\n\ntype t int\n\nfunc (t) init() {}\n"}},
		{"file-length", map[string]string{"a/a.go": "package a\n" + strings.Repeat("\n", fileLinesMax)}, map[string]string{"a/a.go": "// Code generated by x. DO NOT EDIT.\npackage a\n" + strings.Repeat("\n", fileLinesMax)}},
		{"function-length", map[string]string{"a/a.go": lines(functionLinesMax + 1)}, map[string]string{"a/a.go": lines(functionLinesMax)}},
		{"package-name", map[string]string{"streams/util/a.go": "package util\n"}, map[string]string{"streams/feed/a.go": "package feed\n"}},
		{"todo", map[string]string{"a/a.go": "package a\n\n// " + "TODO: later\n"}, map[string]string{"a/a.go": "package a\n\n// " + "TODO(#12): later\n"}},
		{"todo", map[string]string{"a/a.sql": "-- " + "FIXME\n"}, map[string]string{"a/a.md": "No " + "TODO without an issue.\n"}},
		{"machine-path", map[string]string{"a.md": "see " + slash + "home/ann/src\n"}, map[string]string{"a.md": "see https://example.org" + slash + "home/ann/src\n"}},
		{"registry-host", map[string]string{"a.sh": "pip install -i https://pypi." + "org/simple\n"}, map[string]string{"a.sh": "pip install confluent-kafka\n"}},
		{"module-record", map[string]string{"go.mod": "module m\n\nrequire (\n\tx.org/a v1.0.0\n\tx.org/b v1.0.0 // indirect\n)\n"}, map[string]string{"go.mod": "module m\n\nrequire x.org/a v1.0.0\n", moduleRecord: "| `x.org/a` | why |\n"}},
		{"module-record", map[string]string{"go.mod": "module m\n", moduleRecord: "| `x.org/a` | why |\n"}, map[string]string{"go.mod": "module m\n", moduleRecord: "nothing\n"}},
		{"runbook", map[string]string{"ops/alerts/a.yaml": "  - alert: ShardStopped\n"}, map[string]string{"ops/alerts/a.yaml": "  - alert: ShardStopped\n", "ops/runbooks/ShardStopped.md": "# It stopped\n"}},
		{"compose", map[string]string{dockerFile: "FROM golang:1.26.0\n"}, map[string]string{dockerFile: "FROM golang:1.26.0\nUSER 65532:65532\n"}},
		{"compose", map[string]string{dockerFile: "FROM golang:latest\nUSER 1\n"}, map[string]string{dockerFile: "FROM golang:1.26.0 AS build\nFROM scratch\nUSER 1\n"}},
	}
}

// load reads a tree from memory.
func load(t *testing.T, files map[string]string) Tree {
	t.Helper()
	system := fstest.MapFS{}
	for name, text := range files {
		system[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tree, err := Load(system)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestEachRuleFindsItsBadExampleAndSparesTheGood(t *testing.T) {
	for _, example := range examples() {
		at := slices.IndexFunc(Rules(), func(r Rule) bool { return r.Name == example.rule })
		if at < 0 {
			t.Fatalf("no rule is named %s", example.rule)
		}
		rule := Rules()[at]
		if found := rule.Check(load(t, example.bad)); len(found) != 1 {
			t.Errorf("%s found %v in %v, want one finding", rule.Name, found, example.bad)
		}
		if found := rule.Check(load(t, example.good)); len(found) != 0 {
			t.Errorf("%s found %v in %v, want none", rule.Name, found, example.good)
		}
	}
}

func TestEveryRuleHasAnExample(t *testing.T) {
	for _, rule := range Rules() {
		if !slices.ContainsFunc(examples(), func(e example) bool { return e.rule == rule.Name }) {
			t.Errorf("rule %s is never shown to fail: add a bad example", rule.Name)
		}
	}
}

func TestWaiversExcuseTheirFilesAndExpire(t *testing.T) {
	waivers, err := ParseWaivers("# comment\n\nfloat sinks/a the metrics need it\nfloat sinks/gone it is long gone\n")
	if err != nil {
		t.Fatal(err)
	}
	kept := Waive("float", []Finding{{Path: "sinks/a/a.go"}, {Path: "sinks/b/b.go"}}, waivers)
	if len(kept) != 2 || kept[0].Path != "sinks/b/b.go" || !strings.Contains(kept[1].Message, "sinks/gone") {
		t.Errorf("kept %v, want the file that is not waived and the waiver that excuses nothing", kept)
	}
	if _, err := ParseWaivers("float sinks/a\n"); err == nil {
		t.Error("a waiver without a reason was taken")
	}
}

func TestToolFoldersAndTestDataAreNotJudged(t *testing.T) {
	tree := load(t, map[string]string{".cache/a.go": "package", "bin/a.go": "package", "a/testdata/a.go": "package", ".ci/run": "#!/bin/sh\n"})
	var paths []string
	for _, file := range tree.Files {
		paths = append(paths, file.Path)
	}
	if want := []string{".ci/run", "a/testdata/a.go"}; !slices.Equal(paths, want) || len(tree.Broken) != 0 {
		t.Errorf("read %v with %v broken, want %v", paths, tree.Broken, want)
	}
}
