package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/schemas/contract"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

func newSchemas() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "schemas",
		GroupID: groupAdmin,
		Short:   "Check, register and show the schemas of the topics",
		Example: "  penstock schemas check\n  penstock schemas register --execute\n  penstock schemas show ingest.instruction.v1",
	}
	cmd.AddCommand(newSchemasCheck(), newSchemasRegister(), newSchemasShow())
	return cmd
}

// checked is one subject compared with the registry. Its JSON form is an interface.
type checked struct {
	Subject string `json:"subject"`
	// State is new, same, next (a compatible new version) or refused.
	State    string   `json:"state"`
	Problems []string `json:"problems,omitempty"`
}

// compareSchemas compares this binary's schemas with the registry's newest ones.
func compareSchemas(ctx context.Context, registry *feed.Registry) ([]checked, error) {
	var all []checked
	for _, topic := range schemaTopics() {
		c := checked{Subject: topic.Subject(), State: "new"}
		text, _, ok, err := registry.LatestSchema(ctx, topic.Subject())
		if err != nil {
			return nil, err
		}
		if ok {
			if c.State, c.Problems, err = compareSchema(text, topic.Schema); err != nil {
				return nil, fmt.Errorf("comparing %s: %w", topic.Subject(), err)
			}
		}
		all = append(all, c)
	}
	return all, nil
}

func compareSchema(registered, ours string) (string, []string, error) {
	before, err := contract.Normalise(registered)
	if err != nil {
		return "", nil, err
	}
	after, err := contract.Normalise(ours)
	if err != nil {
		return "", nil, err
	}
	if before == after {
		return "same", nil, nil
	}
	var problems []string
	for _, p := range contract.Check(registered, ours) {
		problems = append(problems, p.String())
	}
	if len(problems) > 0 {
		return "refused", problems, nil
	}
	return "next", nil, nil
}

// lockDefault is the file of what was released, in a checkout of the source.
const lockDefault = "schemas/topics.lock"

func newSchemasCheck() *cobra.Command {
	var t target
	var asJSON bool
	var lock string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check that this binary's schemas may follow those of the registry, and of the lock file",
		Long: `Registries accept changes that alter what stored bytes mean, such as another scale of a decimal. This check refuses them. The lock
file, where there is one, says what was released last.`,
		Example: "  penstock schemas check\n  penstock schemas check --registry http://registry:8081 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := t.checkSchemas(cmd.Context())
			if err != nil {
				return err
			}
			locked, err := checkLock(lock)
			if err != nil {
				return err
			}
			all = append(all, locked...)
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), all)
			} else {
				err = printChecked(cmd, all)
			}
			return errors.Join(err, refusedOf(all))
		},
	}
	t.flags(cmd)
	cmd.Flags().StringVar(&lock, "lock", lockDefault, "lock file; nothing is compared with one that is not there")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (t *target) checkSchemas(ctx context.Context) ([]checked, error) {
	connection, err := t.connection(ctx)
	if err != nil {
		return nil, err
	}
	registry, err := openRegistry(connection)
	if err != nil {
		return nil, err
	}
	return compareSchemas(ctx, registry)
}

func checkLock(path string) ([]checked, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && path == lockDefault {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the lock file: %w", err)
	}
	locked, err := contract.ReadLock(text)
	if err != nil {
		return nil, fmt.Errorf("reading the lock file: %w", err)
	}
	result := checked{Subject: path, State: "same"}
	for _, p := range contract.Verify(locked, lockEntries()) {
		result.State = "refused"
		result.Problems = append(result.Problems, p.String())
	}
	return []checked{result}, nil
}

// lockEntries are the promises that this binary makes about its topics.
func lockEntries() []contract.Entry {
	var entries []contract.Entry
	for _, topic := range roles.Topics(1) {
		entry := contract.Entry{Topic: topic.Name, Partitions: "shards", Cleanup: "delete", RetentionMillis: -1, Schema: topic.Schema}
		if topic.Width == streams.WidthOne {
			entry.Partitions = "one"
		}
		if topic.Cleanup == streams.CleanupCompact {
			entry.Cleanup = "compact"
		}
		entries = append(entries, entry)
	}
	return entries
}

func refusedOf(all []checked) error {
	for _, c := range all {
		if c.State == "refused" {
			return fmt.Errorf("the schema of %s may not follow; records on disk would be read as something else", c.Subject)
		}
	}
	return nil
}

func printChecked(cmd *cobra.Command, all []checked) error {
	t := newTable(cmd.OutOrStdout(), "subject", "state")
	for _, c := range all {
		t.row(c.Subject, c.State)
		for _, p := range c.Problems {
			t.row("  "+p, "")
		}
	}
	return t.flush()
}

func newSchemasRegister() *cobra.Command {
	var t target
	var execute bool
	cmd := &cobra.Command{
		Use:     "register",
		Short:   "Register this binary's schemas, after checking them",
		Long:    "Prints what would be registered and, with --execute, registers it. A schema that may not follow the registered one stops all.",
		Example: "  penstock schemas register --config cluster.yaml --execute",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := t.checkSchemas(cmd.Context())
			if err != nil {
				return err
			}
			if err := errors.Join(printChecked(cmd, all), refusedOf(all)); err != nil {
				return err
			}
			if !execute {
				fmt.Fprintln(cmd.OutOrStdout(), "nothing was done; add --execute to register what is new or next")
				return nil
			}
			connection, err := t.connection(cmd.Context())
			if err != nil {
				return err
			}
			registry, err := feed.NewRegistry(connection.Registry, feed.RegistryOptions{Log: warnings()})
			if err != nil {
				return err
			}
			if err := registry.Register(cmd.Context(), schemaTopics()); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "done")
			return nil
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&execute, "execute", false, "act; without it the plan is printed")
	return cmd
}

func newSchemasShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show TOPIC",
		Short:   "Print this binary's schema of a topic, without asking any registry",
		Example: "  penstock schemas show ingest.instruction.v1 | jq .",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, topic := range schemaTopics() {
				if topic.Name == args[0] {
					fmt.Fprintln(cmd.OutOrStdout(), topic.Schema)
					return nil
				}
			}
			return fmt.Errorf("there is no topic %s with a schema; see: penstock topics list", args[0])
		},
	}
}
