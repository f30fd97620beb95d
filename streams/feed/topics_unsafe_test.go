package feed

import (
	"slices"
	"strings"
	"testing"
)

// Each setting of a topic, altered in somebody's console: noticed by name, with what mends it, and mended by it.
func TestEveryUnsafeSettingIsRefusedAndMended(t *testing.T) {
	for setting, test := range map[string]struct {
		topic, unsafe string
		floor         bool
	}{
		"cleanup.policy":                 {"pot-table", "compact,delete", true},
		"retention.ms":                   {"ingest.order.v1", "604800000", true},
		"retention.bytes":                {"ingest.order.v1", "1000000", true},
		"unclean.leader.election.enable": {"ingest.order.v1", "true", true},
		"min.insync.replicas":            {"ingest.order.v1", "2", false},
		"message.timestamp.type":         {"ingest.order.v1", "CreateTime", false},
	} {
		t.Run(setting, func(t *testing.T) {
			_, connection := newCluster(t)
			topics := newTopics(t, connection, smallLayout())
			apply(t, topics, declared())
			if err := topics.change(t.Context(), Difference{Topic: test.topic, Setting: setting, Want: test.unsafe}); err != nil {
				t.Fatal(err)
			}
			differences, err := topics.Verify(t.Context(), declared())
			if err != nil || len(differences) != 1 {
				t.Fatalf("got %v, %v", differences, err)
			}
			for _, part := range []string{"topic " + test.topic, setting + " is " + test.unsafe, "penstock topics apply --execute"} {
				if text := Refusal(differences).Error(); !strings.Contains(text, part) {
					t.Errorf("%q is not in %q", part, text)
				}
			}
			unsafe, err := Unsafe(t.Context(), topics.client, smallLayout().Shards, declared())
			if err != nil || slices.Equal(unsafe, differences) != test.floor {
				t.Errorf("without a layout: %v, %v", unsafe, err)
			}
			apply(t, topics, declared())
			if differences, err = topics.Verify(t.Context(), declared()); err != nil || len(differences) != 0 {
				t.Errorf("after mending: %v, %v", differences, err)
			}
		})
	}
}
