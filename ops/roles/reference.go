package roles

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/penstock-ledger/penstock/ops/avrojson"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// Reference returns the reference data that dealing knows, each entry in the JSON form in which it can be applied.
func (i *Instance) Reference(ctx context.Context) ([]json.RawMessage, error) {
	stored, err := i.DealingReference(ctx)
	if err != nil {
		return nil, err
	}
	codec, err := avrojson.New(reference.EntrySchema)
	if err != nil {
		return nil, err
	}
	entries := []json.RawMessage{}
	for _, body := range bodies(stored) {
		entry := reference.Entry{Body: body}
		text, err := codec.Decode(entry.AppendAvro(nil))
		if err != nil {
			return nil, err
		}
		var inner struct {
			Body json.RawMessage `json:"body"`
		}
		if err := json.Unmarshal(text, &inner); err != nil {
			return nil, err
		}
		entries = append(entries, inner.Body)
	}
	return entries, nil
}

// bodies returns the entries in an order in which nothing refers to what is still to come.
func bodies(stored *state.DealingReference) []reference.EntryBody {
	var all []reference.EntryBody
	for n := range stored.Calendars {
		all = append(all, &stored.Calendars[n])
	}
	for n := range stored.Custodians {
		all = append(all, &stored.Custodians[n])
	}
	for n := range stored.Settings {
		all = append(all, &stored.Settings[n])
	}
	for n := range stored.Assets {
		all = append(all, &stored.Assets[n])
	}
	for n := range stored.Paths {
		all = append(all, &stored.Paths[n])
	}
	for n := range stored.Charges {
		all = append(all, &stored.Charges[n].Charge)
	}
	return all
}

func (i *Instance) serveReference(w http.ResponseWriter, r *http.Request) {
	entries, err := i.Reference(r.Context())
	if err != nil {
		fail(w, statusOf(err), err)
		return
	}
	answer(w, http.StatusOK, entries)
}
