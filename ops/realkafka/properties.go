package realkafka

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// properties is the configuration of one combined broker and controller.
//
// It is that of production but for what one node cannot do: replication factors are one, and the internal topics are small,
// because each of their partitions costs a start after a crash some time. The session timeout is short for the same reason: a
// broker that was killed may register again only when its former session is over.
func (b *Broker) properties(client, controller string) string {
	values := map[string]string{
		"process.roles":                  "broker,controller",
		"node.id":                        "1",
		"controller.quorum.voters":       "1@" + controller,
		"controller.listener.names":      "CONTROLLER",
		"listeners":                      "PLAINTEXT://" + client + ",CONTROLLER://" + controller,
		"advertised.listeners":           "PLAINTEXT://" + client,
		"listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"log.dirs":                       filepath.Join(b.dir, "data"),

		"auto.create.topics.enable":        "false",
		"unclean.leader.election.enable":   "false",
		"group.initial.rebalance.delay.ms": "0",

		"default.replication.factor":                       "1",
		"offsets.topic.replication.factor":                 "1",
		"offsets.topic.num.partitions":                     "4",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"transaction.state.log.num.partitions":             "4",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",

		"broker.session.timeout.ms":    "3000",
		"broker.heartbeat.interval.ms": "500",
	}
	maps.Copy(values, b.options.Properties)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&text, "%s=%s\n", name, values[name])
	}
	return text.String()
}
