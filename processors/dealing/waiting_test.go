package dealing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

// recordBytesMax is what the record that keeps dealing's reference data may have without closes, so that both fit the topic's limit of 1 MiB.
const recordBytesMax = 500 << 10

// countedText has the units of an asset counted for a distribution. The calendars beside it take room.
func countedText(calendars int) string {
	text := &strings.Builder{}
	text.WriteString("at 2008-03-17 09:00\ngiven Calendar name=platform from=2008-01-01 through=2008-12-31\n")
	closed := make([]string, 0, 5000)
	for day := schemas.DateOf(2009, time.January, 1); len(closed) < cap(closed); day++ {
		if weekday := day.Weekday(); weekday != time.Saturday && weekday != time.Sunday {
			closed = append(closed, day.String())
		}
	}
	for n := range calendars {
		fmt.Fprintf(text, "given Calendar name=c%d from=2008-01-01 through=2040-12-31 closed=%s\n", n, strings.Join(closed, ","))
	}
	text.WriteString("given Settings from=2008-01-01\ngiven Custodian custodian=CREST\ngiven Asset asset=GB00X from=2008-01-01\ngiven Reached\ngiven Distribution id=d1 cash=10.00 on=2008-03-17\n")
	return text.String()
}

// deliveryFailed is what a custodian says of a delivery that it had announced, at length.
func deliveryFailed(n int) *inbox.DealingMessage {
	id, on := fmt.Sprint("f", n), schemas.DateOf(2008, time.March, 17)
	body := &ingest.DeliveryFailed{Pot: "p1", Asset: "GB00X", Units: 1_000_000, On: on, Reason: strings.Repeat("r", 500)}
	return &inbox.DealingMessage{
		Cause: inbox.Cause{Source: "CREST", ID: id, ReceivedAt: schemas.Instant(on.Time().UnixMilli())},
		Body:  &inbox.Confirmed{Confirmation: ingest.Confirmation{Custodian: "CREST", ID: id, Trade: schemas.DeriveID(id), Body: body}},
	}
}

// TestWhatWaitsForACountFitsItsRecord has a custodian say more than can be kept while units are counted: what is refused must leave the record that keeps all of it within
// its bound, whether reference data take much room in it or little.
func TestWhatWaitsForACountFitsItsRecord(t *testing.T) {
	const said = 500
	for _, calendars := range []int{0, 25} {
		p := newPlayer()
		scenario.Run(t, countedText(calendars), p)
		kept := 0
		for n := range said {
			outs := p.shard.Apply(t, deliveryFailed(n))
			if len(outs) == 0 {
				kept++
				continue
			}
			if why, ok := outs[0].Value.(*audit.Rejection); !ok || why.Code != "dealing/too-many-waiting" {
				t.Fatalf("confirmation %d leads to %T", n, outs[0].Value)
			}
		}
		if kept == 0 || kept == said {
			t.Errorf("beside %d calendars %d of %d were kept", calendars, kept, said)
		}
		if size := len(p.shard.Reference().AppendAvro(nil)); size > recordBytesMax {
			t.Errorf("with %d calendars and %d confirmations the record has %d bytes", calendars, kept, size)
		}
	}
}
