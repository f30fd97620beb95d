package drills_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
)

// seen is a record as Python saw it. A value that JSON has no form for is a text that begins with the name of its Python type.
type seen struct {
	Key   string         `json:"key"`
	Value map[string]any `json:"value"`
}

// consume has Python read so many records of a topic, and returns them by key and the field that tells records of a key apart.
func (f *foreign) consume(topic string, n int, field string) map[[2]string]seen {
	f.t.Helper()
	all := map[[2]string]seen{}
	for _, line := range f.run(consumeScript, topic, strconv.Itoa(n)) {
		var s seen
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			f.t.Fatalf("%s printed %q: %v", consumeScript, line, err)
		}
		all[[2]string{s.Key, fmt.Sprint(s.Value[field])}] = s
	}
	if len(all) != n {
		f.t.Fatalf("Python read %d different records of %s, want %d", len(all), topic, n)
	}
	return all
}

// pythonTime is how Python prints a datetime with a zone: the fraction, if there is one, in six digits.
func pythonTime(i schemas.Instant) string {
	return "datetime " + strings.Replace(i.Time().Format("2006-01-02 15:04:05.000000+00:00"), ".000000", "", 1)
}

// pythonIDs is a list of ids as Python sees them.
func pythonIDs(ids []schemas.ID) []any {
	list := []any{}
	for _, id := range ids {
		list = append(list, "UUID "+id.String())
	}
	return list
}

func compare(t *testing.T, what string, got, want map[string]any) {
	t.Helper()
	for name := range want {
		if !reflect.DeepEqual(got[name], want[name]) {
			t.Errorf("%s: Python has %s = %v, want %v", what, name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: Python has %d fields, want %d: %v", what, len(got), len(want), got)
	}
}

func (f *foreign) checkStatuses(want []*status.InstructionStatus) {
	got := f.consume(streams.StatusInstruction, len(want), "id")
	for _, w := range want {
		expected := map[string]any{
			"source": string(w.Source), "id": string(w.ID), "pot": string(w.Pot), "state": string(w.State), "code": string(w.Code),
			"reason": w.Reason, "duplicate": false, "dealingDay": nil, "orders": pythonIDs(w.Orders),
			"receivedAt": pythonTime(w.ReceivedAt), "recordedAt": pythonTime(w.RecordedAt), "payment": nil, "delivery": nil,
		}
		if w.DealingDay != nil {
			expected["dealingDay"] = "date " + w.DealingDay.String()
		}
		compare(f.t, fmt.Sprintf("status of %s %s", w.Pot, w.ID), got[[2]string{string(w.Pot), string(w.ID)}].Value, expected)
	}
}

// checkJournals compares the postings with what the contributions must have moved. What Go has read says only how the rest of
// a journal must look: it depends on when the records came.
func (f *foreign) checkJournals(journals []*ledger.Journal, statuses []*status.InstructionStatus) {
	got := f.consume(streams.LedgerJournal, len(journals), "cause")
	for _, j := range journals {
		expected := map[string]any{
			"id": "UUID " + j.ID.String(), "shard": float64(j.Shard), "sequence": float64(j.Sequence),
			"previous": fmt.Sprintf("bytes %x", j.Previous), "hash": fmt.Sprintf("bytes %x", j.Hash),
			"pot": string(*j.Pot), "source": "payroll", "cause": "c1", "recordedAt": pythonTime(j.RecordedAt),
			"topic": streams.IngestInstruction, "partition": float64(j.Partition), "offset": float64(j.Offset), "rules": j.Rules,
			"postings": f.contributed(j, statuses),
		}
		compare(f.t, "journal of "+string(*j.Pot), got[[2]string{string(*j.Pot), "c1"}].Value, expected)
	}
}

// contributed is what the produce script's contribution moves: 100.00 in, and 60.00 and 40.00 of it reserved.
func (f *foreign) contributed(j *ledger.Journal, statuses []*status.InstructionStatus) []any {
	var orders []any
	for _, s := range statuses {
		if s.Pot == *j.Pot && s.ID == "c1" {
			orders = pythonIDs(s.Orders)
		}
	}
	if len(orders) != 2 {
		f.t.Fatalf("the contribution to %s made the orders %v, want two", *j.Pot, orders)
	}
	london, err := time.LoadLocation("Europe/London")
	f.must(err)
	received := schemas.DateOf(j.RecordedAt.Time().In(london).Date())
	posting := func(leg int, stage, quantity, from, to string, fromBalance, toBalance, order any) any {
		return map[string]any{
			"leg": float64(leg), "stage": stage, "asset": "GBP", "scale": float64(2), "quantity": "Decimal " + quantity,
			"from": from, "to": to, "effectiveOn": "date " + received.String(), "fromBalance": fromBalance, "toBalance": toBalance,
			"order": order, "trade": nil, "counterOrder": nil, "reverses": nil,
		}
	}
	return []any{
		posting(1, "contributed", "100.000000", "bank:client-money", "pot:available", nil, "Decimal 100.000000", nil),
		posting(2, "reserved", "60.000000", "pot:available", "pot:reserved", "Decimal 40.000000", "Decimal 60.000000", orders[0]),
		posting(3, "reserved", "40.000000", "pot:available", "pot:reserved", "Decimal 0.000000", "Decimal 100.000000", orders[1]),
	}
}

// framedRecord is the key and the partition of a record.
type framedRecord struct {
	key       string
	partition int32
}

func framedJournals(journals []*ledger.Journal) (all []framedRecord) {
	for _, j := range journals {
		all = append(all, framedRecord{string(*j.Pot), j.Shard})
	}
	return all
}

func framedStatuses(statuses []*status.InstructionStatus) (all []framedRecord) {
	for _, s := range statuses {
		all = append(all, framedRecord{string(s.Pot), streams.PartitionOf(string(s.Pot), shards)})
	}
	return all
}

// checkKcat reads keys, headers and the five bytes before the Avro: kcat of most systems cannot read the rest.
func (f *foreign) checkKcat(topic string, records []framedRecord) {
	kcat, err := exec.LookPath("kcat")
	if err != nil {
		f.t.Skip("SKIPPED kcat: it is not installed")
	}
	id, _ := f.registry.ID(topic)
	var want []string // kcat prints numbers without anything between them: the mark 0, then the id
	for _, r := range records {
		want = append(want, fmt.Sprintf("%s|%d||0%d", r.key, r.partition, id))
	}
	got := f.output(exec.CommandContext(f.ctx, kcat, "-b", f.connection.Brokers[0], "-C", "-t", topic, "-o", "beginning",
		"-e", "-q", "-X", "isolation.level=read_committed", "-s", "value=>bI", "-f", "%k|%p|%h|%s\n"))
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		f.t.Errorf("kcat read of %s\n%s\nand not\n%s", topic, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
