package simulation

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/ops/faults"
)

// TestEveryKindOfRequestCanBeStruck looks at what really goes over the wires of a run in which instances come and go and sinks change, so that a kind that a
// new version of the client begins to send is not left in peace.
func TestEveryKindOfRequestCanBeStruck(t *testing.T) {
	plan := undisturbed()
	plan.Members = 2
	plan.Events = []Event{{After: 30, Do: Stop, Disk: DiskSame}, {After: 60, Do: Restart}, {After: 90, Do: Beside}}
	var instances, sinks, senders []kmsg.Key
	err := outcome(t, openDatabase(t), plan, mutation{played: func(s *system) error {
		for _, i := range s.instances {
			instances = append(instances, i.wire.Kinds()...)
		}
		sinks, senders = s.sinks.wire.Kinds(), s.outside.Kinds()
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for who, c := range map[string]struct {
		sent  []kmsg.Key
		known []request
	}{"an instance": {instances, instanceRequests()}, "a sink": {sinks, sinkRequests()}, "a sender": {senders, senderRequests()}} {
		if len(c.sent) == 0 {
			t.Errorf("%s sent nothing", who)
		}
		for _, key := range c.sent {
			if !slices.ContainsFunc(c.known, func(r request) bool { return r.key == key }) {
				t.Errorf("%s sends %s, which no plan strikes", who, key.Name())
			}
		}
	}
}

// TestPlansComeToEveryFault draws as many plans as a long run has, and looks for each fault of each kind of request among them.
func TestPlansComeToEveryFault(t *testing.T) {
	const plans = 10_000
	drawn := make(map[string]int)
	for seed := range uint64(plans) {
		p := DrawPlan(seed, 1)
		for _, rules := range p.Wire {
			note(drawn, "instance", rules)
		}
		note(drawn, "sender", p.Outside)
		note(drawn, "sink", p.Sink)
		for _, answer := range p.Answers {
			drawn[fmt.Sprint(answer.Key.Name(), " ", answer.Err.Message)]++
		}
	}
	for who, c := range map[string]struct {
		requests []request
		actions  []faults.Action
	}{"instance": {instanceRequests(), faults.Actions()}, "sender": {senderRequests(), briefly()}, "sink": {sinkRequests(), briefly()}} {
		for _, r := range c.requests {
			for _, action := range c.actions {
				drawnSometimes(t, drawn, ruleName(who, r.key, action))
			}
		}
	}
	for _, r := range append(answers(), moreAnswers()...) {
		for _, err := range r.errs {
			drawnSometimes(t, drawn, fmt.Sprint(r.key.Name(), " ", err.Message))
		}
	}
}

func note(drawn map[string]int, who string, rules []faults.Rule) {
	for _, rule := range rules {
		drawn[ruleName(who, rule.Key, rule.Do)]++
	}
}

func ruleName(who string, key kmsg.Key, action faults.Action) string {
	return fmt.Sprint(who, " ", key.Name(), " ", action)
}

func drawnSometimes(t *testing.T, drawn map[string]int, what string) {
	t.Helper()
	if drawn[what] == 0 {
		t.Errorf("no plan has %s", what)
	}
}
