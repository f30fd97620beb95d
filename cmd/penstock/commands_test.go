package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestTheCommandReferenceIsWhatTheCommandsSay(t *testing.T) {
	const path = "../../ops/docs/reference/commands.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	writeCommands(&want, newRoot())
	if string(text) != want.String() {
		t.Errorf("%s is out of date; run: make generate", path)
	}
}

func TestTheReferenceDoesNotDependOnTheEnvironment(t *testing.T) {
	var plain, set strings.Builder
	writeCommands(&plain, newRoot())
	for _, name := range []string{envBrokers, envRegistry, envPostgres, envConfig, envAPI, envMetrics} {
		t.Setenv(name, "elsewhere:1")
	}
	writeCommands(&set, newRoot())
	if plain.String() != set.String() {
		t.Error("the environment shows in the reference")
	}
}

func TestEveryCommandHasAnExampleAndSaysWhatItDoes(t *testing.T) {
	eachCommand(newRoot(), func(cmd *cobra.Command) {
		if cmd.Example == "" || cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") && cmd.Long == "" {
			t.Errorf("%s: short %q, example %q", cmd.CommandPath(), cmd.Short, cmd.Example)
		}
		if cmd.Example != "" && !strings.Contains(cmd.Example, cmd.Name()) {
			t.Errorf("%s: the example does not show it: %s", cmd.CommandPath(), cmd.Example)
		}
	})
}
