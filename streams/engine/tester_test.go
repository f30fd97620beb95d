package engine

import (
	"context"
	"reflect"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/tester"
)

func TestAProcessRunsInTheTesterOfGoka(t *testing.T) {
	process := sampleProcess()
	gt := tester.New(t)
	processor, err := goka.NewProcessor(nil, Graph(process, process.NewHandler(plain{}), plain{}), goka.WithTester(gt))
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- processor.Run(ctx) }()
	tracker := gt.NewQueueTracker(sampleOut)
	m := newModel(process, 0, 1)
	for offset, record := range [][2]string{
		{"a", "add 1"}, {"b", "add 2"}, {"c", "add 3"}, {"!0", "sweep odd"}, {"c", "forget"}, {"!0", "sweep odd even"}, {"!0", "note x"}, {"a", "add 4"},
	} {
		gt.Consume(sampleInbox, record[0], append(plain{}.Frame("", nil), record[1]...))
		m.take(int64(offset), record[0], record[1])
	}
	var outputs []string
	for {
		key, value, more := tracker.Next()
		if !more {
			break
		}
		text, _ := value.([]byte)
		outputs = append(outputs, key+": "+string(text))
	}
	if !reflect.DeepEqual(outputs, m.outputs) {
		t.Errorf("outputs are\n%q\nnot\n%q", outputs, m.outputs)
	}
	for key, want := range m.states {
		if got, _ := gt.TableValue(goka.Table(process.Table.Name), key).([]byte); string(got) != want {
			t.Errorf("the state of %s is %q, not %q", key, got, want)
		}
	}
	cancel()
	must(t, <-done)
}
