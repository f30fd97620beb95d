package drills_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// javaPot is the pot for which the Java client sends.
const javaPot = "java"

// checkJava has Java, with no more than Apache's own libraries, send a contribution and read the journals. Where a real Kafka runs,
// Java and Maven are there.
func (f *foreign) checkJava() {
	dir := filepath.Join("testdata", "java")
	jars := filepath.Join(f.t.TempDir(), "lib")
	f.output(exec.CommandContext(f.ctx, "mvn", "-q", "-B", "-f", filepath.Join(dir, "pom.xml"),
		"org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies", "-DoutputDirectory="+jars))
	java := func(file string, arguments ...string) []string {
		arguments = append([]string{"-cp", jars + "/*", filepath.Join(dir, file), f.connection.Brokers[0], f.connection.Registry.URL}, arguments...)
		return f.output(exec.CommandContext(f.ctx, "java", arguments...))
	}
	shard := streams.PartitionOf(javaPot, shards)
	for _, line := range java("Produce.java", javaPot, f.today.String()) {
		if !strings.HasPrefix(line, fmt.Sprintf("%s-%d@", streams.IngestInstruction, shard)) {
			f.t.Errorf("Java sent to %s, the shard is %d", line, shard)
		}
	}
	all := await(f.rig, streams.LedgerJournal, "Java's contribution", count[ledger.Journal](contributions+1))
	for _, line := range java("Consume.java", streams.LedgerJournal, fmt.Sprint(len(all))) {
		if strings.HasPrefix(line, javaPot+" ") {
			f.checkJavaJournal(all, line)
			return
		}
	}
	f.t.Error("Java did not read the journal of its own contribution")
}

// checkJavaJournal looks for the values in what Avro's Java library prints of a record.
func (f *foreign) checkJavaJournal(all []*ledger.Journal, line string) {
	for _, j := range all {
		if j.Pot == nil || *j.Pot != schemas.PotID(javaPot) {
			continue
		}
		for _, want := range []string{
			`"id": "` + j.ID.String() + `"`, `"cause": "c1"`, `"quantity": 100.000000`, `"toBalance": 100.000000`,
			`"effectiveOn": "` + j.Postings[0].EffectiveOn.String() + `"`, `"trade": null`,
		} {
			if !strings.Contains(line, want) {
				f.t.Errorf("Java has no %s in %s", want, line)
			}
		}
	}
}
