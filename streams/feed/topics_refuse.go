package feed

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
)

// floorSettings are those that lose or mix up records in a system of any layout.
func floorSettings() []string {
	return []string{settingCleanup, settingRetentionTime, settingRetentionBytes, settingUnclean}
}

// Unsafe returns the differences under which records could be lost, doubled or sent elsewhere, whatever the system's layout: missing topics, another
// number of partitions, clean-up that forgets, and transactions that a delayed request can tear. It is the part of Verify that needs no
// configuration, so that who runs on the topics can check it and nobody needs to remember to.
func Unsafe(ctx context.Context, client *kgo.Client, shards int32, topics []streams.Topic) ([]Difference, error) {
	address, _ := client.OptValue(kgo.SeedBrokers).([]string)
	t := &Topics{client: client, admin: kadm.NewClient(client), layout: Layout{Shards: shards}, address: strings.Join(address, ","), floor: true}
	plan, err := t.compare(ctx, topics)
	return plan.Differences(), err
}

// differencesShownMax bounds the differences that a refusal lists.
const differencesShownMax = 20

// Refusal is the error that lists the differences, each with what mends it; nil for none.
func Refusal(differences []Difference) error {
	if len(differences) == 0 {
		return nil
	}
	var text strings.Builder
	text.WriteString("the cluster is not as it must be:")
	mendable := false
	for n, d := range differences {
		mendable = mendable || strings.Contains(d.Fix, applyCommand)
		if n < differencesShownMax {
			fmt.Fprintf(&text, "\n  %s", d)
		}
	}
	if more := len(differences) - differencesShownMax; more > 0 {
		fmt.Fprintf(&text, "\n  and %d more", more)
	}
	if mendable {
		text.WriteString("\nrun: " + applyCommand)
	}
	return errors.New(text.String())
}
