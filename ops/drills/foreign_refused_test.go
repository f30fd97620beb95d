package drills_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// refusals has the code for each wrong record of the stranger. Those that it sends and that are not here are good.
func refusals() map[string]schemas.Code {
	return map[string]schemas.Code{
		"nothing":         "intake/undecodable",
		"JSON":            "intake/undecodable",
		"cut off":         "intake/undecodable",
		"bytes too many":  "intake/undecodable",
		"unknown schema":  "intake/unknown-schema",
		"other scale":     "intake/schema-incompatible",
		"other precision": "intake/schema-incompatible",
		"float":           "intake/schema-incompatible",
		"missing field":   "intake/schema-incompatible",
		"too many digits": "intake/too-many-digits",
		"too large":       "intake/too-large",
		"reserved key":    "intake/reserved-key",
		"negative":        "intake/not-positive",
	}
}

// sent is where a record went.
type sent struct {
	Name      string
	Partition int32
	Offset    int64
}

// sendUnusual runs the stranger and returns where the wrong records went, each with the code that it must get.
func (f *foreign) sendUnusual() map[sent]schemas.Code {
	f.t.Helper()
	codes, wrong := refusals(), map[sent]schemas.Code{}
	for _, line := range f.run(strangerScript, f.today.String(), filepath.Join("testdata", ownSchema)) {
		var at sent
		if err := json.Unmarshal([]byte(line), &at); err != nil {
			f.t.Fatalf("%s printed %q: %v", strangerScript, line, err)
		}
		if code, ok := codes[at.Name]; ok {
			wrong[at] = code
		}
	}
	if len(wrong) != len(codes) {
		f.t.Fatalf("%d wrong records were sent, there are codes for %d", len(wrong), len(codes))
	}
	return wrong
}

func (f *foreign) checkRejections(wrong map[sent]schemas.Code) {
	rejections := await(f.rig, streams.AuditRejection, "rejections", count[audit.Rejection](len(wrong)))
	if len(rejections) != len(wrong) {
		f.t.Errorf("%d records were wrong, there are %d rejections", len(wrong), len(rejections))
	}
	read := f.consume(streams.AuditRejection, len(rejections), "code")
	for at, code := range wrong {
		position := fmt.Sprintf("%s/%d/%d", streams.IngestInstruction, at.Partition, at.Offset)
		if _, ok := read[[2]string{position, string(code)}]; !ok {
			f.t.Errorf("%s: Python has read no rejection of %s with %s", at.Name, position, code)
		}
		var got []schemas.Code
		for _, rejection := range rejections {
			if rejection.Topic == streams.IngestInstruction && rejection.Partition == at.Partition && rejection.Offset == at.Offset {
				got = append(got, rejection.Code)
			}
		}
		if len(got) != 1 || got[0] != code {
			f.t.Errorf("%s: rejected with %v, want %s once", at.Name, got, code)
		}
	}
}

// checkPartitions makes sure that some good keys came by another partition than their shard's: only then have these tests shown
// that it does not matter.
func (f *foreign) checkPartitions() {
	elsewhere := 0
	f.must(feed.ReadToEnd(f.ctx, f.connection, streams.IngestInstruction, func(rec feed.Record) error {
		switch key := string(rec.Key); key {
		case "latest", "own", "own-schema":
			if rec.Partition != streams.PartitionOf(key, shards) {
				elsewhere++
			}
		}
		return nil
	}))
	if elsewhere == 0 {
		f.t.Error("every key came by the partition of its shard")
	}
}
