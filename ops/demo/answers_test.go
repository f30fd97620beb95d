package demo

import (
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// judged judges one buy that must be refused, of which the follower knows what is given.
func judged(t *testing.T, told []Answer, rejections []schemas.Code) Case {
	t.Helper()
	key := Key{portal, "pot-1", "b-1"}
	at := feed.Position{Place: feed.Place{Topic: "ingest.instruction.v1", Partition: 3}, Offset: 5}
	f := &follower{rejections: map[feed.Position][]schemas.Code{at: rejections}, refused: len(rejections), fates: map[Key]*fate{}}
	if told != nil {
		f.fates[key] = &fate{answers: told, last: told[0].State}
	}
	record := Record{About: "a buy", Instruction: key, Answer: rejected("pot/x"), Rejected: "pot/x"}
	s := &Session{Config: Config{Workload: &Workload{}}, outside: &outside{}, follower: f, records: []sent{{&record, at}}}
	s.judge()
	if check := s.report.Checks[0]; check.OK != s.report.Cases[0].OK || !check.OK && !strings.Contains(check.Detail, at.String()) {
		t.Errorf("the check says %+v", check)
	}
	return s.report.Cases[0]
}

func TestAnAnswerMustBeExactlyTheOneExpected(t *testing.T) {
	for name, c := range map[string]struct {
		told       []Answer
		rejections []schemas.Code
		ok         bool
	}{
		"as expected":         {[]Answer{rejected("pot/x")}, []schemas.Code{"pot/x"}, true},
		"another code":        {[]Answer{rejected("pot/y")}, []schemas.Code{"pot/y"}, false},
		"codes that differ":   {[]Answer{rejected("pot/x")}, []schemas.Code{"pot/y"}, false},
		"no rejection record": {[]Answer{rejected("pot/x")}, nil, false},
		"rejected twice":      {[]Answer{rejected("pot/x")}, []schemas.Code{"pot/x", "pot/x"}, false},
		"accepted":            {[]Answer{{State: "accepted"}}, nil, false},
		"no answer at all":    {nil, []schemas.Code{"pot/x"}, false},
	} {
		if got := judged(t, c.told, c.rejections); got.OK != c.ok {
			t.Errorf("%s: judged %+v", name, got)
		}
	}
}
