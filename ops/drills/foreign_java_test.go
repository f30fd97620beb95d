package drills_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

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

// java fetches what the Java clients need, and returns how to run one of them. It skips the test where there is no Java.
func (f *foreign) java() func(file string, arguments ...string) []string {
	for _, program := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(program); err != nil {
			f.t.Skipf("SKIPPED java-client: %s is not installed", program)
		}
	}
	dir := filepath.Join("testdata", "java")
	jars := filepath.Join(f.t.TempDir(), "lib")
	f.output(exec.CommandContext(f.ctx, "mvn", "-q", "-B", "-f", filepath.Join(dir, "pom.xml"),
		"org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies", "-DoutputDirectory="+jars))
	return func(file string, arguments ...string) []string {
		arguments = append([]string{"-cp", jars + "/*", filepath.Join(dir, file), f.connection.Brokers[0], f.connection.Registry.URL}, arguments...)
		return f.output(exec.CommandContext(f.ctx, "java", arguments...))
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
				`"id": "c1"`, `"source": "payroll"`, `"pot": "` + javaPot + `"`, `"state": "accepted"`, `"duplicate": false`, `"orders": []`, `"payment": null`,
				`"recordedAt": "` + s.RecordedAt.Time().UTC().Format("2006-01-02T15:04:05"),
			}
		}
	}
	return []string{"a status of " + javaPot}
}
