// Package processors_test holds every process to what all of them promise.
package processors_test

import (
	"context"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas/contract"
	"github.com/penstock-ledger/penstock/streams"
)

func registry() []streams.Process {
	return append(intake.Processes([]byte("secret")), pot.Process(), dealing.Process(8))
}

// folders are where codes and scenarios lie.
func folders() []string { return []string{"intake", "pot", "dealing"} }

func TestNamesMatchFolders(t *testing.T) {
	seen := make(map[string]bool)
	for _, process := range registry() {
		folder, _, _ := strings.Cut(process.Name, "-")
		if _, err := os.Stat(filepath.Join(folder, "doc.go")); err != nil {
			t.Errorf("process %s: there is no folder %s with a doc.go", process.Name, folder)
		}
		if seen[process.Name] {
			t.Errorf("two processes are named %s", process.Name)
		}
		seen[process.Name] = true
		if process.Rules == "" || !strings.HasPrefix(process.Rules, folder+"/") || process.TagsVersion == "" {
			t.Errorf("process %s: its rules are %q and its tags %q", process.Name, process.Rules, process.TagsVersion)
		}
	}
}

func TestProcessesUseDeclaredTopics(t *testing.T) {
	for _, process := range registry() {
		for _, topic := range append(parkedTo(process), append([]streams.Topic{process.Inbox}, process.Outputs...)...) {
			if topic != streams.TopicNamed(topic.Name) {
				t.Errorf("process %s declares %s in its own way", process.Name, topic.Name)
			}
		}
		if want := streams.Changelog(process.Name, process.Inbox.Width, process.Table.Schema); process.Table != want {
			t.Errorf("process %s: its table is %s, as wide as %d; want %s, as wide as its inbox", process.Name, process.Table.Name, process.Table.Width, want.Name)
		}
	}
}

// parkedTo returns the topic of what a process parks, where it parks.
func parkedTo(process streams.Process) []streams.Topic {
	if process.ParkedTo.Name == "" {
		return nil
	}
	return []streams.Topic{process.ParkedTo}
}

// TestEveryTopicHasAWriterOrComesFromOutside finds inboxes that nobody fills, and topics declared for nothing.
func TestEveryTopicHasAWriterOrComesFromOutside(t *testing.T) {
	written := make(map[string]bool)
	for _, process := range registry() {
		for _, topic := range process.Outputs {
			written[topic.Name] = true
		}
		written[process.ParkedTo.Name] = true
	}
	for _, topic := range streams.Topics() {
		if fromOutside := strings.HasPrefix(topic.Name, "ingest."); written[topic.Name] == fromOutside {
			t.Errorf("%s: written by a process is %t, come from outside is %t", topic.Name, written[topic.Name], fromOutside)
		}
	}
}

// TestTableSchemasHoldStateReferenceAndTally guards what streams.NewHandler relies on: one field, a union of three, in this order.
func TestTableSchemasHoldStateReferenceAndTally(t *testing.T) {
	for _, process := range registry() {
		if process.Table.Schema == "" {
			continue // it has no states
		}
		var table struct {
			Fields []struct {
				Type []struct {
					Name string `json:"name"`
				} `json:"type"`
			} `json:"fields"`
		}
		if err := json.Unmarshal([]byte(process.Table.Schema), &table); err != nil || len(table.Fields) != 1 {
			t.Fatalf("%s: the schema has %d fields: %v", process.Table.Name, len(table.Fields), err)
		}
		branches := table.Fields[0].Type
		for i, suffix := range []string{"State", "Reference", "Tally"} {
			if len(branches) != 3 || !strings.HasSuffix(branches[i].Name, suffix) {
				t.Errorf("%s: its branches are %v", process.Table.Name, branches)
				break
			}
		}
	}
}

// codesIn returns the rejection codes that a folder's Go files declare.
func codesIn(t *testing.T, pattern string) []string {
	t.Helper()
	return constantsIn(t, pattern, "code")
}

// constantsIn returns the texts that Go files declare as constants whose names begin with the word.
func constantsIn(t *testing.T, pattern, word string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("there is nothing at %s: %v", pattern, err)
	}
	var texts []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for node := range ast.Preorder(parsed) {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 || !strings.HasPrefix(strings.ToLower(spec.Names[0].Name), word) {
				continue
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, text)
			}
		}
	}
	return texts
}

// feedCodes are the codes of bytes that cannot be read at all, found where values are taken out of the registry's framing.
func feedCodes(t *testing.T) []string {
	t.Helper()
	codes := codesIn(t, "../streams/feed/registry*.go")
	if !slices.Contains(codes, "intake/unknown-schema") {
		t.Fatalf("the codes of unreadable bytes have moved: found %v", codes)
	}
	return codes
}

var codeForm = regexp.MustCompile(`^[a-z]+(-[a-z]+)*/[a-z]+(-[a-z]+)*$`)

// scenarioCodes returns the codes that scenarios name, with a file that does.
func scenarioCodes(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	files, err := filepath.Glob("*/testdata/*.scenario")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			words := strings.Fields(line)
			if len(words) > 1 && words[0] == "reject" {
				found[words[1]] = file
			}
			for _, word := range words {
				if code, ok := strings.CutPrefix(word, "code="); ok && words[0] == "then" {
					found[code] = file
				}
			}
		}
	}
	return found
}

func TestEveryCodeHasAScenarioAndEveryScenarioCodeExists(t *testing.T) {
	told := scenarioCodes(t)
	known := make(map[string]bool)
	for _, folder := range folders() {
		codes := codesIn(t, folder+"/*.go")
		if folder == "intake" {
			codes = append(codes, feedCodes(t)...)
		}
		if len(codes) == 0 {
			t.Errorf("%s has no codes", folder)
		}
		for _, code := range codes {
			known[code] = true
			if !codeForm.MatchString(code) || !strings.HasPrefix(code, folder+"/") {
				t.Errorf("code %s of %s is not of the form %s/kebab-case", code, folder, folder)
			}
			if told[code] == "" {
				t.Errorf("code %s has no scenario", code)
			}
		}
	}
	for code, file := range told {
		if !known[code] {
			t.Errorf("%s tells of %s, which does not exist", file, code)
		}
	}
}

func TestRejectionsPageListsEveryCodeOnce(t *testing.T) {
	text, err := os.ReadFile("../ops/docs/rejections.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]int)
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]+ \\| [^|]+ \\|$").FindAllStringSubmatch(string(text), -1) {
		listed[row[1]]++
	}
	known := make(map[string]bool)
	for _, folder := range folders() {
		for _, code := range append(codesIn(t, folder+"/*.go"), feedCodes(t)...) {
			known[code] = true
		}
	}
	for code := range known {
		if listed[code] != 1 {
			t.Errorf("%s has %d rows in ops/docs/rejections.md", code, listed[code])
		}
	}
	for code := range listed {
		if !known[code] {
			t.Errorf("ops/docs/rejections.md lists %s, which does not exist", code)
		}
	}
}

// TestEveryStateOfAnInstructionHasAScenario walks the declared states, and finds none told that is not declared. What an untraded re-balancing leaves is told like an instruction, and is none.
func TestEveryStateOfAnInstructionHasAScenario(t *testing.T) {
	told := make(map[string]bool)
	files, err := filepath.Glob("pot/testdata/*.scenario")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, state := range regexp.MustCompile(`then +Status .*\bstate=([\w-]+)`).FindAllStringSubmatch(string(text), -1) {
			told[state[1]] = true
		}
	}
	declared := map[string]bool{"untraded": true}
	for _, edge := range pot.LifeCycle() {
		if edge.To != "" {
			declared[edge.To] = true
		}
	}
	if !maps.Equal(told, declared) {
		t.Errorf("scenarios tell of the states %v, want %v", slices.Sorted(maps.Keys(told)), slices.Sorted(maps.Keys(declared)))
	}
}

// bare is a framing without a prefix.
type bare struct{}

func (bare) Frame(_ string, b []byte) []byte { return b }

func (bare) Unframe(_ context.Context, _ string, framed []byte) ([]byte, error) { return framed, nil }

// TestHandlersStartFromNothing restores every handler as a new shard does, and asks for what the engine may ask for first.
func TestHandlersStartFromNothing(t *testing.T) {
	for _, process := range registry() {
		handler := process.NewHandler(bare{})
		if err := handler.Restore(nil, nil); err != nil {
			t.Errorf("%s: %v", process.Name, err)
		}
		if err := handler.Restore(nil, handler.Tally()); err != nil {
			t.Errorf("%s does not take its own empty tally back: %v", process.Name, err)
		}
	}
}

var updateLock = flag.Bool("update-lock", false, "write schemas/topics.lock from the tree")

const lockFile = "../schemas/topics.lock"

// TestTopicsLock compares every topic, changelogs included, with what was released last. What is allowed to change is written with
// `go test ./processors -run TestTopicsLock -update-lock`.
func TestTopicsLock(t *testing.T) {
	var declared []contract.Entry
	add := func(topic streams.Topic) {
		width, cleanup := "shards", "delete"
		if topic.Width == streams.WidthOne {
			width = "one"
		}
		if topic.Cleanup == streams.CleanupCompact {
			cleanup = "compact"
		}
		declared = append(declared, contract.Entry{Topic: topic.Name, Partitions: width, Cleanup: cleanup, RetentionMillis: -1, Schema: topic.Schema})
	}
	for _, topic := range streams.Topics() {
		add(topic)
	}
	for _, process := range registry() {
		add(process.Table)
	}
	if *updateLock {
		text, err := contract.WriteLock(declared)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(lockFile, text, 0o644); err != nil { //nolint:gosec // everybody may read what everybody is promised
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(lockFile)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := contract.ReadLock(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range contract.Verify(locked, declared) {
		t.Errorf("%s: %s: %s", problem.Path, problem.What, problem.Why)
	}
}
