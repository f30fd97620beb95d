package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// The layout of a cluster where nothing else is said.
const (
	clusterShardsDefault      = 32
	clusterReplicationDefault = 3
	clusterMinInSyncDefault   = 2
	envShards                 = "PENSTOCK_SHARDS"
)

// layoutFlags say how the topics of a cluster are to be.
type layoutFlags struct {
	target
	shards                 int32
	replication, minInSync int16
	simulated              bool
}

func (l *layoutFlags) add(cmd *cobra.Command) {
	l.flags(cmd)
	f := cmd.Flags()
	f.Int32Var(&l.shards, "shards", 0, fmt.Sprintf("number of shards, chosen once for ever (default: the configuration's, %s, or %d)", envShards, clusterShardsDefault))
	f.Int16Var(&l.replication, "replication", 0, fmt.Sprintf("brokers that hold each partition (default: the configuration's, or %d)", clusterReplicationDefault))
	f.Int16Var(&l.minInSync, "min-in-sync", 0, fmt.Sprintf("brokers that must have a record before it is acknowledged (default: the configuration's, or %d)", clusterMinInSyncDefault))
	f.BoolVar(&l.simulated, "simulated-time", false, "producers stamp the ingest records, and fewer replicas are allowed: for trials, never for money")
}

// layout merges flags, environment and configuration, in this order. The embedded stack has a layout of its own.
func (l *layoutFlags) layout() (feed.Layout, error) {
	if l.config == "" && l.brokers == "" {
		e, err := l.endpoints()
		return feed.Layout{
			Shards: firstSet(l.shards, e.Shards), Replication: firstSet(l.replication, 1), MinInSync: firstSet(l.minInSync, 1), Stamping: !l.simulated,
		}, err
	}
	var file fileConfig
	if l.config != "" {
		var err error
		if file, err = readConfig(l.config); err != nil {
			return feed.Layout{}, err
		}
	}
	shards, err := l.shardsOr(file.Shards)
	return feed.Layout{
		Shards:      shards,
		Replication: firstSet(l.replication, file.Replication, clusterReplicationDefault),
		MinInSync:   firstSet(l.minInSync, file.MinInSync, clusterMinInSyncDefault),
		Stamping:    !l.simulated, Production: !l.simulated,
	}, err
}

func (l *layoutFlags) shardsOr(configured int32) (int32, error) {
	environment := int64(0)
	if text := os.Getenv(envShards); text != "" {
		var err error
		if environment, err = strconv.ParseInt(text, 10, 32); err != nil || environment < 1 {
			return 0, fmt.Errorf("%s is %q, it must be a whole number from 1", envShards, text)
		}
	}
	return firstSet(l.shards, int32(environment), configured, clusterShardsDefault), nil
}

// firstSet returns the first value that is not zero.
func firstSet[T comparable](values ...T) T {
	var zero T
	for _, v := range values {
		if v != zero {
			return v
		}
	}
	return zero
}

func newTopics() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "topics",
		GroupID: groupAdmin,
		Short:   "Plan, create and verify the topics of a cluster",
		Example: "  penstock topics plan --config cluster.yaml\n  penstock topics apply --config cluster.yaml --execute",
	}
	cmd.AddCommand(newTopicsPlan(), newTopicsApply(), newTopicsVerify(), newTopicsList())
	return cmd
}

// withTopics runs f with an administrative client of the named cluster.
func (l *layoutFlags) withTopics(ctx context.Context, f func(*feed.Topics, feed.Layout) error) error {
	connection, err := l.connection(ctx)
	if err != nil {
		return err
	}
	layout, err := l.layout()
	if err != nil {
		return err
	}
	admin, err := feed.NewTopics(connection, layout)
	if err != nil {
		return err
	}
	defer admin.Close()
	return f(admin, layout)
}

// plannedJSON is a plan as a program reads it.
type plannedJSON struct {
	Create []string          `json:"create"`
	Change []feed.Difference `json:"change"`
	Refuse []feed.Difference `json:"refuse"`
}

func newTopicsPlan() *cobra.Command {
	var l layoutFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "plan",
		Short:   "Show what separates the cluster from what Penstock needs",
		Example: "  penstock topics plan --brokers kafka-1:9092 --registry http://registry:8081",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return l.withTopics(cmd.Context(), func(admin *feed.Topics, layout feed.Layout) error {
				plan, err := admin.Plan(cmd.Context(), roles.Topics(layout.Shards))
				if err != nil {
					return err
				}
				if !asJSON {
					return printPlan(cmd.OutOrStdout(), plan, layout)
				}
				out := plannedJSON{Create: []string{}, Change: plan.Change, Refuse: plan.Refuse}
				for _, topic := range plan.Create {
					out.Create = append(out.Create, topic.Name)
				}
				return printJSON(cmd.OutOrStdout(), out)
			})
		},
	}
	l.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printPlan(w io.Writer, plan feed.Plan, layout feed.Layout) error {
	for _, topic := range plan.Create {
		fmt.Fprintf(w, "+ %s: %d partitions, %d replicas\n", topic.Name, topic.Width.Partitions(layout.Shards), layout.Replication)
	}
	for _, d := range plan.Change {
		fmt.Fprintf(w, "~ %s: %s from %s to %s\n", d.Topic, d.Setting, d.Have, d.Want)
	}
	for _, d := range plan.Refuse {
		fmt.Fprintf(w, "! %s\n", d)
	}
	fmt.Fprintf(w, "%d topics to create, %d settings to change, %d differences that no command may mend\n", len(plan.Create), len(plan.Change), len(plan.Refuse))
	return nil
}

func newTopicsApply() *cobra.Command {
	var l layoutFlags
	var execute bool
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Create what is missing and put settings right",
		Long: `Prints the plan and, with --execute, creates missing topics and changes settings. Nothing is ever removed, and no partition count
changed. Applying twice changes nothing.`,
		Example: "  penstock topics apply --config cluster.yaml --execute",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return l.withTopics(cmd.Context(), func(admin *feed.Topics, layout feed.Layout) error {
				plan, err := admin.Plan(cmd.Context(), roles.Topics(layout.Shards))
				if err != nil {
					return err
				}
				if err := printPlan(cmd.OutOrStdout(), plan, layout); err != nil {
					return err
				}
				if len(plan.Refuse) > 0 {
					return errors.New("some differences must be mended by hand first; each says how")
				}
				if plan.Empty() || !execute {
					if !plan.Empty() {
						fmt.Fprintln(cmd.OutOrStdout(), "nothing was done; add --execute to do it")
					}
					return nil
				}
				if err := admin.Apply(cmd.Context(), plan); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), "done")
				return nil
			})
		},
	}
	l.add(cmd)
	cmd.Flags().BoolVar(&execute, "execute", false, "act; without it the plan is printed")
	return cmd
}

func newTopicsVerify() *cobra.Command {
	var l layoutFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "verify",
		Short:   "Check what every start checks; exit 1 where the cluster is not as it must be",
		Example: "  penstock topics verify --config cluster.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return l.withTopics(cmd.Context(), func(admin *feed.Topics, layout feed.Layout) error {
				differences, err := admin.Verify(cmd.Context(), roles.Topics(layout.Shards))
				if err != nil {
					return err
				}
				if asJSON {
					if err := printJSON(cmd.OutOrStdout(), append([]feed.Difference{}, differences...)); err != nil {
						return err
					}
				} else {
					for _, d := range differences {
						fmt.Fprintln(cmd.OutOrStdout(), d)
					}
				}
				if len(differences) > 0 {
					return fmt.Errorf("%d differences; mend what can be mended with: penstock topics apply --execute", len(differences))
				}
				if !asJSON {
					fmt.Fprintln(cmd.OutOrStdout(), "all topics are as they must be")
				}
				return nil
			})
		},
	}
	l.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newTopicsList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the topics with what they carry, without asking any broker",
		Example: "  penstock topics list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t := newTable(cmd.OutOrStdout(), "topic", "key", "carries")
			for _, topic := range roles.Topics(1) {
				t.row(topic.Name, topic.Key, topic.About)
			}
			return t.flush()
		},
	}
}
