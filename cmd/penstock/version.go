package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/roles"
)

// versions says what this binary is. Its JSON form is an interface.
type versions struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	// Rules are the versions of the rules by which each process decides.
	Rules map[string]string `json:"rules"`
}

func newVersion() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		GroupID: groupAdmin,
		Short:   "Print what this binary is, and by which rules it decides",
		Example: "  penstock version --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := currentVersions()
			if asJSON {
				return printJSON(cmd.OutOrStdout(), v)
			}
			name := v.Version
			if v.Revision != "" {
				name += " " + v.Revision
			}
			fmt.Fprintf(cmd.OutOrStdout(), "penstock %s, %s\n", name, v.Go)
			t := newTable(cmd.OutOrStdout(), "process", "rules")
			for _, p := range roles.Processes(1) {
				t.row(p.Name, v.Rules[p.Name])
			}
			return t.flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func currentVersions() versions {
	v := versions{Version: "devel", Go: runtime.Version(), Rules: make(map[string]string)}
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			v.Version = info.Main.Version
		}
		for _, setting := range info.Settings {
			switch setting.Key {
			case "vcs.revision":
				v.Revision = setting.Value
			case "vcs.modified":
				v.Modified = setting.Value == "true"
			}
		}
	}
	for _, p := range roles.Processes(1) {
		v.Rules[p.Name] = p.Rules
	}
	return v
}
