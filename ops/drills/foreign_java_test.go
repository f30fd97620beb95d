package drills_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/penstock-ledger/penstock/ops/realkafka"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
)

// javaPot is the pot for which the Java client sends.
const javaPot = "java"

// checkJava has Java, with no more than Apache's own libraries, send a contribution and read what became of it: its journal and its status.
func (f *foreign) checkJava() {
	java := f.java()
	shard := streams.PartitionOf(javaPot, shards)
	for _, line := range java("Produce.java", javaPot, f.today.String()) {
		if !strings.HasPrefix(line, fmt.Sprintf("%s-%d@", streams.IngestInstruction, shard)) {
			f.t.Errorf("Java sent to %s, the shard is %d", line, shard)
		}
	}
	journals := await(f.rig, streams.LedgerJournal, "Java's contribution", count[ledger.Journal](contributions+1))
	f.checkJavaReads(java, streams.LedgerJournal, len(journals), javaJournal(journals))
	statuses := await(f.rig, streams.StatusInstruction, "the statuses of what Java sent", accepted(acceptedBefore+2))
	f.checkJavaReads(java, streams.StatusInstruction, len(statuses), javaStatus(statuses))
}

// java fetches what the Java clients need, and returns how to run one of them. Maven may have to ask the network, so this is for the real suites alone.
func (f *foreign) java() func(file string, arguments ...string) []string {
	dir := filepath.Join("testdata", "java")
	pom, err := os.ReadFile(filepath.Join(dir, "pom.xml"))
	f.must(err)
	java, classPath := realkafka.JarsForTest(f.t, fmt.Sprintf("clients-%x", sha256.Sum256(pom)), pom)
	return func(file string, arguments ...string) []string {
		arguments = append([]string{"-cp", classPath, filepath.Join(dir, file), f.connection.Brokers[0], f.connection.Registry.URL}, arguments...)
		return f.output(exec.CommandContext(f.ctx, java, arguments...))
	}
}

// checkJavaReads has Java read so many records of a topic, and looks for the values in what Avro's library prints of one of them.
func (f *foreign) checkJavaReads(java func(string, ...string) []string, topic string, records int, want []string) {
	lines := java("Consume.java", topic, fmt.Sprint(records))
	if len(lines) < records {
		f.t.Errorf("Java read %d of the %d records of %s", len(lines), records, topic)
	}
	for _, line := range lines {
		if strings.HasPrefix(line, javaPot+" ") && strings.Contains(line, want[0]) {
			for _, value := range want[1:] {
				if !strings.Contains(line, value) {
					f.t.Errorf("Java has no %s in %s", value, line)
				}
			}
			return
		}
	}
	f.t.Errorf("Java read no record of %s with %s", topic, want[0])
}

// javaJournal is what must be read of the journal of Java's contribution.
func javaJournal(all []*ledger.Journal) []string {
	for _, j := range all {
		if j.Pot != nil && *j.Pot == schemas.PotID(javaPot) {
			return []string{
				`"id": "` + j.ID.String() + `"`, `"cause": "c1"`, `"quantity": 100.000000`, `"toBalance": 100.000000`,
				`"effectiveOn": "` + j.Postings[0].EffectiveOn.String() + `"`, `"trade": null`,
			}
		}
	}
	return []string{"a journal of " + javaPot}
}

// javaStatus is what must be read of the status of Java's contribution.
func javaStatus(all []*status.InstructionStatus) []string {
	for _, s := range all {
		if s.Pot == javaPot && s.ID == "c1" {
			return []string{
				`"id": "c1"`, `"source": "payroll"`, `"pot": "` + javaPot + `"`, `"state": "accepted"`, `"duplicate": false`, `"orders": []`, `"payment": null`, `"delivery": null`,
				`"recordedAt": "` + s.RecordedAt.Time().UTC().Format("2006-01-02T15:04:05"),
			}
		}
	}
	return []string{"a status of " + javaPot}
}
