package faults

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Answer makes the in-process broker answer the Nth request of a kind with an error, once.
type Answer struct {
	Key kmsg.Key
	Nth int
	Err *kerr.Error
}

func (a Answer) String() string {
	return fmt.Sprintf("%s #%d answered %s", a.Key.Name(), a.Nth, a.Err.Message)
}

// Answers are the wrong answers of a broker.
type Answers struct {
	answers []Answer
	handles []*kfake.FaultHandle
}

// Install makes a broker give wrong answers. Of producing and of producer ids only those in transactions are counted and struck: a
// producer without them is an outsider's.
func Install(cluster *kfake.Cluster, answers ...Answer) *Answers {
	a := &Answers{answers: answers}
	for _, answer := range answers {
		seen := 0 // the broker calls When from one goroutine
		a.handles = append(a.handles, cluster.Fault(kfake.Fault{
			Keys: []kmsg.Key{answer.Key}, Err: answer.Err, TopLevel: hasTopLevel(answer.Key),
			When: func(request kmsg.Request) bool {
				if !transactional(request) {
					return false
				}
				seen++
				return seen == answer.Nth
			},
		}))
	}
	return a
}

// hasTopLevel says which requests fail as a whole.
func hasTopLevel(key kmsg.Key) bool {
	return slices.Contains([]kmsg.Key{kmsg.InitProducerID, kmsg.EndTxn}, key)
}

func transactional(request kmsg.Request) bool {
	switch r := request.(type) {
	case *kmsg.ProduceRequest:
		return r.TransactionID != nil
	case *kmsg.InitProducerIDRequest:
		return r.TransactionalID != nil
	}
	return true
}

// Struck returns the answers that were given.
func (a *Answers) Struck() []Answer {
	var struck []Answer
	for n, handle := range a.handles {
		if handle.Hits() > 0 {
			struck = append(struck, a.answers[n])
		}
	}
	return struck
}
