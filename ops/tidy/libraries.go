package tidy

import (
	"slices"
	"strconv"
	"strings"
)

// libraries says where a library may be imported. What is not listed may be imported anywhere that the other rules allow.
var libraries = []struct {
	path string
	// code and tests list the folders whose code, or tests, may import it.
	code  []string
	tests []string
	why   string
}{
	{
		"github.com/lovoo/goka",
		[]string{"streams/engine", "ops/bench/peers"},
		[]string{"streams", "ops", "cmd"},
		"only streams/engine knows goka, and the benchmark that runs goka as shipped beside it; declare the process with streams",
	},
	{
		"github.com/IBM/sarama",
		[]string{"streams/engine", "ops/bench/peers"},
		[]string{"streams/engine"},
		"no Sarama client runs here, but goka's own in the benchmark of peers; streams/engine alone needs its interfaces",
	},
	{
		"github.com/twmb/franz-go/pkg/kgo",
		[]string{"streams/engine", "streams/feed", "ops"},
		[]string{"streams", "sinks", "ops", "cmd"},
		"only streams/engine and streams/feed make Kafka clients; use streams/feed",
	},
	{
		"github.com/twmb/franz-go/pkg/kmsg",
		[]string{"streams/engine", "streams/feed", "ops"},
		[]string{"streams", "sinks", "ops", "cmd"},
		"only streams/engine and streams/feed speak the protocol; use streams/feed",
	},
	{
		"github.com/twmb/franz-go",
		[]string{"streams/engine", "streams/feed", "sinks", "ops", "cmd"},
		[]string{"streams", "sinks", "ops", "cmd"},
		"schemas, the vocabulary and processors are pure; the engine moves the bytes",
	},
	{
		"github.com/jackc/pgx/v5",
		[]string{"sinks/postgres", "ops", "cmd"},
		[]string{"streams", "sinks", "ops", "cmd"},
		"only sinks/postgres talks to the ledger's database; ask it",
	},
	{
		"github.com/pressly/goose/v3",
		[]string{"sinks/postgres", "ops"},
		[]string{"sinks/postgres", "ops"},
		"migrations belong to sinks/postgres",
	},
	{
		"github.com/cockroachdb/pebble/v2",
		[]string{"streams/engine", "ops"},
		[]string{"streams", "ops"},
		"the state store belongs to streams/engine; state is reached through the engine",
	},
	{
		"github.com/spf13/cobra",
		[]string{"cmd"},
		[]string{"cmd"},
		"flags belong to cmd; take options by struct",
	},
	{
		"github.com/schollz/progressbar/v3",
		[]string{"cmd", "ops"},
		[]string{"cmd", "ops"},
		"a terminal belongs to cmd; report progress through a callback",
	},
	{
		"github.com/fergusstrange/embedded-postgres",
		[]string{"ops"},
		[]string{"ops"},
		"only the embedded stack brings its own Postgres",
	},
	{
		"github.com/testcontainers/testcontainers-go",
		[]string{"ops"},
		[]string{"streams", "sinks", "ops", "cmd"},
		"containers are for tests",
	},
	{
		"pgregory.net/rapid",
		[]string{"schemas/internal/oracle"},
		[]string{"."},
		"property tests are tests; what several of them share lies in an internal oracle package",
	},
	{
		"github.com/prometheus/client_golang",
		[]string{"streams/engine", "streams/feed", "sinks", "ops", "cmd"},
		[]string{"streams", "sinks", "ops", "cmd"},
		"pure code measures nothing; the engine counts at commit",
	},
}

// checkLibraries holds each library in its place: one package per technology.
func checkLibraries(tree Tree) []Finding {
	var found []Finding
	for _, file := range tree.goFiles(".") {
		for _, spec := range file.Go.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue
			}
			if why, ok := placed(file, name); !ok {
				found = append(found, file.find(spec.Pos(), "%s must not import %s: %s", file.Dir(), name, why))
			}
		}
	}
	return found
}

// placed looks a library up; the first entry that covers it decides, so particular paths stand before general ones.
func placed(file *File, name string) (why string, ok bool) {
	for _, library := range libraries {
		if !within(name, library.path) {
			continue
		}
		folders := library.code
		if file.Test() {
			folders = library.tests
		}
		return library.why, slices.ContainsFunc(folders, func(folder string) bool { return within(file.Path, folder) })
	}
	return "", true
}

// impure are the standard packages through which the world outside gets in.
var impure = []string{"crypto/rand", "database/sql", "log", "math/rand", "net", "os", "syscall"}

// checkPureImports keeps the world out of pure code. Tests may read their scenario files; commands that generate code lie
// among the schemas and may write theirs.
func checkPureImports(tree Tree) []Finding {
	var found []Finding
	for _, file := range pureFiles(tree) {
		if file.Test() || file.Go.Name.Name == "main" {
			continue
		}
		for _, spec := range file.Go.Imports {
			name := strings.Trim(spec.Path.Value, `"`)
			if slices.ContainsFunc(impure, func(root string) bool { return within(name, root) }) {
				found = append(found, file.find(spec.Pos(), "pure code must not import %s: what it needs to know arrives as a record", name))
			}
		}
	}
	return found
}
