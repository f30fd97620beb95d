package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// lockVersion is the version of the lock file's form.
const lockVersion = 1

// updateHint ends the reason of each problem that writing the lock settles.
const updateHint = "write the lock file again, and commit it with the change"

// Entry is what is promised about one topic.
type Entry struct {
	// Topic is the topic's name.
	Topic string
	// Partitions is the class of its partition count, such as shards or ingest; the number is chosen per installation.
	Partitions string
	// Cleanup is Kafka's cleanup.policy.
	Cleanup string
	// RetentionMillis is Kafka's retention.ms; -1 keeps for ever.
	RetentionMillis int64
	// Schema is the Avro schema of the values, which needs no other; empty when they are not Avro.
	Schema string
}

// Subject is the name under which a registry keeps the schema of the topic's values.
func (e Entry) Subject() string { return e.Topic + "-value" }

// lockFile is the form of the lock file. Schemas are objects in it, not text, so that a change shows line by line.
type lockFile struct {
	Version int           `json:"version"`
	Topics  []lockedTopic `json:"topics"`
}

type lockedTopic struct {
	Topic           string          `json:"topic"`
	Partitions      string          `json:"partitions"`
	Cleanup         string          `json:"cleanup"`
	RetentionMillis int64           `json:"retentionMillis"`
	Subject         string          `json:"subject,omitempty"`
	Fingerprint     string          `json:"sha256,omitempty"`
	Schema          json.RawMessage `json:"schema,omitempty"`
}

// WriteLock gives the text of the lock file for the given topics, in the order of their names.
func WriteLock(entries []Entry) ([]byte, error) {
	sorted := slices.SortedFunc(slices.Values(entries), func(a, b Entry) int { return strings.Compare(a.Topic, b.Topic) })
	file := lockFile{Version: lockVersion}
	for i, e := range sorted {
		if i > 0 && sorted[i-1].Topic == e.Topic {
			return nil, fmt.Errorf("writing the lock: topic %s stands twice", e.Topic)
		}
		locked := lockedTopic{Topic: e.Topic, Partitions: e.Partitions, Cleanup: e.Cleanup, RetentionMillis: e.RetentionMillis}
		if e.Schema != "" {
			text, err := Normalise(e.Schema)
			if err != nil {
				return nil, fmt.Errorf("writing the lock of %s: %w", e.Topic, err)
			}
			locked.Subject, locked.Schema = e.Subject(), json.RawMessage(text)
			if locked.Fingerprint, err = Fingerprint(text); err != nil {
				return nil, fmt.Errorf("writing the lock of %s: %w", e.Topic, err)
			}
		}
		file.Topics = append(file.Topics, locked)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(file); err != nil {
		return nil, fmt.Errorf("writing the lock: %w", err)
	}
	return b.Bytes(), nil
}

// ReadLock reads a lock file. A schema that does not have its fingerprint was edited by hand, and is an error.
func ReadLock(text []byte) ([]Entry, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var file lockFile
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("reading the lock: %w", err)
	}
	if file.Version != lockVersion {
		return nil, fmt.Errorf("reading the lock: its version is %d, this program knows %d", file.Version, lockVersion)
	}
	var entries []Entry
	for _, t := range file.Topics {
		e := Entry{Topic: t.Topic, Partitions: t.Partitions, Cleanup: t.Cleanup, RetentionMillis: t.RetentionMillis}
		if len(t.Schema) > 0 {
			schema, err := Normalise(string(t.Schema))
			if err != nil {
				return nil, fmt.Errorf("reading the lock of %s: %w", t.Topic, err)
			}
			if sum, err := Fingerprint(schema); err != nil || sum != t.Fingerprint {
				return nil, fmt.Errorf("reading the lock of %s: %w", t.Topic, errors.Join(err, errors.New("the schema does not have its fingerprint")))
			}
			e.Schema = schema
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// Verify compares what was released with what the tree declares. Problems that are only Stale go away when the lock
// is written again; the others are broken promises.
func Verify(locked, declared []Entry) []Problem {
	var problems []Problem
	for _, was := range locked {
		i := slices.IndexFunc(declared, func(e Entry) bool { return e.Topic == was.Topic })
		if i < 0 {
			problems = append(problems, Problem{Path: was.Topic, What: "the topic was removed or renamed", Why: whyNames})
			continue
		}
		problems = append(problems, verifyTopic(was, declared[i])...)
	}
	for _, is := range declared {
		if !slices.ContainsFunc(locked, func(e Entry) bool { return e.Topic == is.Topic }) {
			problems = append(problems, Problem{Path: is.Topic, What: "the topic is new", Why: updateHint, Stale: true})
		}
	}
	return problems
}

func verifyTopic(was, is Entry) []Problem {
	var problems []Problem
	refuse := func(why, what string, args ...any) {
		problems = append(problems, Problem{Path: was.Topic, What: fmt.Sprintf(what, args...), Why: why})
	}
	if was.Partitions != is.Partitions {
		refuse("keys would move to other partitions", "the partitions changed from %s to %s", was.Partitions, is.Partitions)
	}
	if was.Cleanup != is.Cleanup {
		refuse("records would be kept or lost that were promised otherwise", "the cleanup changed from %s to %s", was.Cleanup, is.Cleanup)
	}
	if shorter(is.RetentionMillis, was.RetentionMillis) {
		refuse("records would be lost that were promised", "the retention was shortened from %d to %d ms", was.RetentionMillis, is.RetentionMillis)
	}
	if (was.Schema == "") != (is.Schema == "") {
		refuse(whyUnread, "the values changed between Avro and something else")
	} else if was.Schema != "" {
		for _, p := range Check(was.Schema, is.Schema) {
			p.Path = was.Topic + " " + p.Path
			problems = append(problems, p)
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return stale(was, is)
}

// shorter compares two values of retention.ms, where -1 is for ever.
func shorter(a, b int64) bool {
	return a >= 0 && (b < 0 || a < b)
}

// stale reports an allowed change that the lock does not have yet.
func stale(was, is Entry) []Problem {
	if is.Schema != "" {
		text, err := Normalise(is.Schema)
		if err != nil {
			return []Problem{{Path: was.Topic, What: err.Error(), Why: whyUnread}}
		}
		is.Schema = text
	}
	if is == was {
		return nil
	}
	return []Problem{{Path: was.Topic, What: "the topic changed in an allowed way", Why: updateHint, Stale: true}}
}
