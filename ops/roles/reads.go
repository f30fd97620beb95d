package roles

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/engine"
)

// ErrUnknown says that what was asked for does not exist.
var ErrUnknown = errors.New("not known")

// runsHere fails with engine.ErrNotHere where the role is another instance's.
func (i *Instance) runsHere(role Role) error {
	if !i.config.has(role) {
		return fmt.Errorf("role %s does not run here, ask an instance that runs it: %w", role, engine.ErrNotHere)
	}
	return nil
}

// decode reads a stored value of a process's table.
func (i *Instance) decode(ctx context.Context, process string, stored []byte, value interface{ DecodeAvro(*avrobin.Reader) }) error {
	payload, err := i.registry.Unframe(ctx, process+"-table", stored)
	if err != nil {
		return fmt.Errorf("reading the table of %s: %w", process, err)
	}
	r := avrobin.NewReader(payload)
	value.DecodeAvro(r)
	if err := r.Done(); err != nil {
		return fmt.Errorf("reading the table of %s: %w", process, err)
	}
	return nil
}

// DealingReference returns what dealing knows besides trades, as committed; empty where it was told nothing yet.
func (i *Instance) DealingReference(ctx context.Context) (*state.DealingReference, error) {
	if err := i.runsHere(Dealing); err != nil {
		return nil, err
	}
	stored, err := i.engine.Reference(dealing.Name, 0)
	if err != nil || stored == nil {
		return &state.DealingReference{}, err
	}
	table := state.DealingTable{}
	if err := i.decode(ctx, dealing.Name, stored, &table); err != nil {
		return nil, err
	}
	reference, ok := table.Body.(*state.DealingReference)
	if !ok {
		return nil, fmt.Errorf("reading the table of %s: its reference is a %T", dealing.Name, table.Body)
	}
	return reference, nil
}

// PotReference returns what a shard of pots knows besides pots, as committed; empty where it was told nothing yet.
func (i *Instance) PotReference(ctx context.Context, shard int32) (*state.PotReference, error) {
	if err := i.runsHere(Pot); err != nil {
		return nil, err
	}
	stored, err := i.engine.Reference(pot.Name, shard)
	if err != nil || stored == nil {
		return &state.PotReference{}, err
	}
	table := state.PotTable{}
	if err := i.decode(ctx, pot.Name, stored, &table); err != nil {
		return nil, err
	}
	reference, ok := table.Body.(*state.PotReference)
	if !ok {
		return nil, fmt.Errorf("reading the table of %s: its reference is a %T", pot.Name, table.Body)
	}
	return reference, nil
}

// PotState returns a pot as committed, ErrUnknown where there is none, engine.ErrNotHere where another instance has it.
func (i *Instance) PotState(ctx context.Context, id schemas.PotID) (*state.PotState, error) {
	if err := i.runsHere(Pot); err != nil {
		return nil, err
	}
	stored, found, err := i.engine.Get(pot.Name, string(id))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("pot %s: %w; it was never opened", id, ErrUnknown)
	}
	table := state.PotTable{}
	if err := i.decode(ctx, pot.Name, stored, &table); err != nil {
		return nil, err
	}
	pot, ok := table.Body.(*state.PotState)
	if !ok {
		return nil, fmt.Errorf("reading pot %s: the table holds a %T", id, table.Body)
	}
	return pot, nil
}

// PotView is a pot as people read it. Its JSON form is an interface; amounts are decimal texts.
type PotView struct {
	Pot       schemas.PotID `json:"pot"`
	Available string        `json:"available"`
	Reserved  string        `json:"reserved"`
	Pending   string        `json:"pending"`
	Payable   string        `json:"payable"`
	Holdings  []HoldingView `json:"holdings"`
	Orders    []OrderView   `json:"orders"`
	// Payments are those under way, and those that may yet come back; Claims are transfers in that wait for their cash.
	Payments []PaymentView `json:"payments"`
	Claims   []ClaimView   `json:"claims"`
	// Deliveries are units in specie under way, and those that ended within the back-dating period.
	Deliveries []DeliveryView `json:"deliveries"`
	// Held are instructions that wait for a person's review.
	Held []HeldView `json:"held"`
	// ClosedOn is when the pot was closed, empty while it is open.
	ClosedOn string `json:"closed_on,omitempty"`
}

// PaymentView is cash that is paid out of a pot.
type PaymentView struct {
	Payment     string                `json:"payment"`
	Instruction schemas.InstructionID `json:"instruction"`
	Source      schemas.SourceID      `json:"source"`
	Payee       string                `json:"payee"`
	Cash        string                `json:"cash"`
	Stage       string                `json:"stage"`
	// Recalled says that the bank was asked to stop it.
	Recalled bool   `json:"recalled"`
	On       string `json:"on"`
}

// ClaimView is a transfer in that waits.
type ClaimView struct {
	Reference   string                `json:"reference"`
	Instruction schemas.InstructionID `json:"instruction"`
	Source      schemas.SourceID      `json:"source"`
}

// HoldingView is what a pot holds of one asset.
type HoldingView struct {
	Asset    schemas.AssetCode `json:"asset"`
	Settled  string            `json:"settled"`
	Pending  string            `json:"pending"`
	Reserved string            `json:"reserved"`
}

// OrderView is an order that is not settled yet.
type OrderView struct {
	ID          schemas.ID            `json:"-"`
	Order       string                `json:"order"`
	Instruction schemas.InstructionID `json:"instruction"`
	Source      schemas.SourceID      `json:"source"`
	Asset       schemas.AssetCode     `json:"asset"`
	Side        string                `json:"side"`
	DealingDay  string                `json:"dealing_day"`
	Amount      string                `json:"amount"`
	Given       string                `json:"given"`
	Got         string                `json:"got"`
	Priced      bool                  `json:"priced"`
}

// Pot returns a pot as people read it; errors are those of PotState.
func (i *Instance) Pot(ctx context.Context, id schemas.PotID) (*PotView, error) {
	stored, err := i.PotState(ctx, id)
	if err != nil {
		return nil, err
	}
	reference, err := i.PotReference(ctx, streams.PartitionOf(string(id), i.Shards()))
	if err != nil {
		return nil, err
	}
	scales := make(map[schemas.AssetCode]int)
	for n := range reference.Assets {
		scales[reference.Assets[n].Code] = int(reference.Assets[n].UnitsScale)
	}
	view := &PotView{
		Pot: id, Available: stored.Available.String(), Reserved: stored.Reserved.String(), Pending: stored.Pending.String(),
		Payable: stored.Payable.String(), Holdings: []HoldingView{}, Orders: []OrderView{}, Payments: paymentViews(stored), Claims: []ClaimView{}, Deliveries: deliveryViews(stored, scales), Held: heldViews(stored),
	}
	for n := range stored.Claims {
		c := &stored.Claims[n]
		view.Claims = append(view.Claims, ClaimView{c.Reference, c.Instruction, c.Source})
	}
	if stored.ClosedOn != nil {
		view.ClosedOn = stored.ClosedOn.String()
	}
	for _, h := range stored.Holdings {
		scale := scales[h.Asset]
		view.Holdings = append(view.Holdings, HoldingView{h.Asset, h.Settled.Text(scale), h.Pending.Text(scale), h.Reserved.Text(scale)})
	}
	for n := range stored.Orders {
		view.Orders = append(view.Orders, orderView(&stored.Orders[n], scales))
	}
	return view, nil
}

func paymentViews(pot *state.PotState) []PaymentView {
	views := make([]PaymentView, len(pot.Payments))
	for n := range pot.Payments {
		p := &pot.Payments[n]
		views[n] = PaymentView{p.ID.String(), p.Instruction, p.Source, p.Payee, p.Cash.String(), p.Stage.String(), p.Recalled, p.On.String()}
	}
	return views
}

// orderView shows what an order gives and gets: cash for units in a buy, units for cash in a sell.
func orderView(o *state.Order, scales map[schemas.AssetCode]int) OrderView {
	cash := func(quanta int64) string { return schemas.Money(quanta).String() }
	units := func(quanta int64) string { return schemas.Units(quanta).Text(scales[o.Asset]) }
	gives, gets := cash, units
	if o.Side != inbox.SideBuy {
		gives, gets = units, cash
	}
	return OrderView{
		ID: o.ID, Order: o.ID.String(), Instruction: o.Instruction, Source: o.Source, Asset: o.Asset, Side: o.Side.String(),
		DealingDay: o.Day.String(), Amount: gives(o.Amount), Given: gives(o.Given), Got: gets(o.Got), Priced: o.Priced,
	}
}

func (i *Instance) servePot(w http.ResponseWriter, r *http.Request) {
	view, err := i.Pot(r.Context(), schemas.PotID(r.PathValue("id")))
	if err != nil {
		fail(w, statusOf(err), err)
		return
	}
	answer(w, http.StatusOK, view)
}

// statusOf is the HTTP status of an error.
func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrUnknown):
		return http.StatusNotFound
	case errors.Is(err, engine.ErrNotHere):
		return http.StatusMisdirectedRequest
	case errors.Is(err, ErrBackwards), errors.Is(err, ErrNotManual), errors.Is(err, ErrNotPossible):
		return http.StatusConflict
	}
	return http.StatusServiceUnavailable
}
