package main

import (
	"strings"
	"testing"
)

func TestWordsThatDoNotFitAreAnsweredWithHowTheCommandIsWritten(t *testing.T) {
	refused(t, "it is written: penstock pot show POT", "", "pot", "show")
	refused(t, "it is written: penstock trace ID", "", "trace", "a", "b")
	refused(t, "it is written: penstock refund REFERENCE CASH PAYEE", "", "refund", "R1", "-5", "jo", "--operator", "anna", "--reason", "x")
	refused(t, "see: penstock up --help", "", "up", "--nosuch")
}

func TestAProcessThatParksNothingIsNoAnswer(t *testing.T) {
	refused(t, `--process "intake": it must be pot or dealing`, "", "parked", "show", "p1", "--process", "intake", "--dir", t.TempDir())
}

func TestNobodyWritesToTheTopicsOfThePipeline(t *testing.T) {
	for _, topic := range []string{"pot.inbox.v1", "ledger.journal.v1", "audit.batch.v1", "pot-table", "dealing-table"} {
		refused(t, "only the pipeline writes to "+topic+"; the topics to write to are ingest.", "{}", "produce", topic, "--dir", t.TempDir())
	}
}

func TestADateIsRefusedInOneSentence(t *testing.T) {
	_, err := penstock(t, "", "declare", "collection", "20080418", "--id", "c-1", "--operator", "anna", "--reason", "x")
	if want := `date "20080418" is not written as YYYY-MM-DD; write it as 2008-04-18`; err == nil || err.Error() != want {
		t.Errorf("it says %v, want %s", err, want)
	}
}

func TestThePlanOfADeclarationNamesItsTerms(t *testing.T) {
	word := []string{"--id", "d-1", "--operator", "anna", "--reason", "as announced"}
	for _, c := range []struct {
		plan string
		args []string
	}{
		{"declare split ASSET=GOOG DATE=2008-05-01 NEW=3 OLD=2, by anna as d-1: as announced", []string{"split", "GOOG", "2008-05-01", "3", "2"}},
		{"declare collection DATE=2008-04-30 --by-units=true, by anna", []string{"collection", "2008-04-30", "--by-units"}},
		{"declare rebalance DATE=2008-04-18 --absolute=0.05 --minimum=1.00, by anna", []string{"rebalance", "2008-04-18", "--absolute", "0.05"}},
	} {
		if out := must(t, "", append(append([]string{"declare"}, c.args...), word...)...); !strings.Contains(out, c.plan) {
			t.Errorf("the plan is %q, want %q", out, c.plan)
		}
	}
}
