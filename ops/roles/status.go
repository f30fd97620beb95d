package roles

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/engine"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// Status is a moment of an instance and of the shards that it knows of. Its JSON form is an interface.
type Status struct {
	Instance string       `json:"instance"`
	Clock    ClockStatus  `json:"clock"`
	Roles    []RoleStatus `json:"roles"`
	// Shards has one row for each shard of pots, Processes one for each shard of the other processes.
	Shards    []ShardRow           `json:"shards"`
	Processes []engine.ShardStatus `json:"processes"`
	// Trades is the number of external trades' events booked in Postgres as an offset of ledger.trade.v1, -1 where unknown.
	Trades int64 `json:"trades_booked_to"`
	// Awaited are closing prices without which placed trades cannot go on; only an instance that runs dealing knows them.
	Awaited []AwaitedPrice `json:"awaited_prices,omitempty"`
	// Faults says what could not be asked.
	Faults []string `json:"faults,omitempty"`
}

// ClockStatus is the stack's own time.
type ClockStatus struct {
	Mode string    `json:"mode"`
	Now  time.Time `json:"now"`
}

// ShardRow follows one shard from the ingest topic to Postgres. Offsets that are not known are -1. Ends count the markers of
// transactions too, so a shard that is up to date may stand a few offsets before them.
type ShardRow struct {
	Shard int32 `json:"shard"`
	// IngestEnd is where the ingest partition of the same number ends, IntakeNext what intake reads next of it.
	IngestEnd  int64 `json:"ingest_end"`
	IntakeNext int64 `json:"intake_next"`
	// InboxEnd is where the inbox ends, Next what pot reads next of it.
	InboxEnd int64 `json:"inbox_end"`
	Next     int64 `json:"next"`
	// Journals is the number of the last journal, Booked the number of the last one in Postgres.
	Journals int64 `json:"journals"`
	Booked   int64 `json:"booked"`
	// JournalEnd is where the ledger's journal partition ends, BookedTo the next offset that the sink wants of it.
	JournalEnd int64 `json:"journal_end"`
	BookedTo   int64 `json:"booked_to"`
	// Owner runs the shard: this instance's name, or empty where it is another's or nobody's.
	Owner string       `json:"owner"`
	State engine.State `json:"state"`
	// SinceMillis is when the state began, in milliseconds since 1970; 0 where the shard has never been here.
	SinceMillis int64 `json:"since_ms"`
	// RestoredTo and RestoreEnd are offsets of the changelog: how far a restore or a standby is, and where it ends.
	RestoredTo int64 `json:"restored_to,omitempty"`
	RestoreEnd int64 `json:"restore_end,omitempty"`
	// LagMilliseconds is the age of the oldest inbox record that is known to wait, see engine.ShardStatus.
	LagMilliseconds int64 `json:"lag_ms"`
	// Reason says why it stopped or waits.
	Reason     string              `json:"reason,omitempty"`
	Sweep      *engine.SweepStatus `json:"sweep,omitempty"`
	RecordedAt schemas.Instant     `json:"recorded_at_ms"`
	// RecordedSecondsAgo is how long ago, by the stack's clock, the last recorded time was; -1 where unknown.
	RecordedSecondsAgo int64 `json:"recorded_seconds_ago"`
	// TransactionMilliseconds is the age of the open transaction, 0 without one.
	TransactionMilliseconds int64 `json:"transaction_ms"`
	// SinkOwner is who books the shard.
	SinkOwner string `json:"sink_owner"`
	// Parked is what is parked in the shard, absent where nothing is, or where another instance runs it.
	Parked *engine.ParkedStatus `json:"parked,omitempty"`
}

// unknown stands for a number that nobody here knows.
const unknown = -1

// statusTimeMax bounds what a status asks of the brokers and of Postgres: it must answer while they are away, too.
const statusTimeMax = 2 * time.Second

// Status returns a moment of the instance.
func (i *Instance) Status(outer context.Context) Status {
	ctx, cancel := context.WithTimeout(outer, statusTimeMax)
	defer cancel()
	status := Status{Instance: i.config.Name, Clock: i.clockStatus(), Roles: i.board.snapshot(), Trades: unknown}
	for shard := range i.Shards() {
		status.Shards = append(status.Shards, ShardRow{
			Shard: shard, IngestEnd: unknown, IntakeNext: unknown, InboxEnd: unknown, Next: unknown, Journals: unknown, Booked: unknown,
			JournalEnd: unknown, BookedTo: unknown, State: engine.StateNotOurs, RecordedSecondsAgo: unknown,
		})
	}
	i.addEngine(&status)
	if err := i.addEnds(ctx, &status); err != nil {
		status.Faults = append(status.Faults, "brokers: "+err.Error())
	}
	if i.auditor != nil {
		if err := i.addBooked(ctx, &status); err != nil {
			status.Faults = append(status.Faults, "Postgres: "+err.Error())
		}
	}
	if err := i.addAwaited(outer, &status); err != nil {
		status.Faults = append(status.Faults, "prices: "+err.Error())
	}
	return status
}

func (i *Instance) clockStatus() ClockStatus {
	mode := "real"
	if i.config.Manual != nil {
		mode = "manual"
	}
	return ClockStatus{Mode: mode, Now: i.Now().UTC()}
}

// intakeOfInstructions is the process whose shards lie beside the pots'.
const intakeOfInstructions = "intake-instruction"

func (i *Instance) addEngine(status *Status) {
	if i.engine == nil {
		return
	}
	now := schemas.InstantOf(i.Now())
	for _, s := range i.engine.Status() {
		ours := s.State != engine.StateNotOurs && s.State != engine.StateStandingBy
		if s.Process == "pot" {
			row := &status.Shards[s.Shard]
			row.State, row.SinceMillis, row.Reason = s.State, s.SinceMillis, s.Reason
			row.RestoredTo, row.RestoreEnd, row.LagMilliseconds = s.RestoredTo, s.RestoreEnd, s.Lag.Milliseconds()
		}
		switch {
		case s.Process == "pot" && ours:
			row := &status.Shards[s.Shard]
			row.Next, row.Journals, row.Owner = s.Next, s.Sequence, i.config.Name
			row.Parked, row.Sweep, row.RecordedAt, row.TransactionMilliseconds = s.Parked, s.Sweep, s.RecordedAt, s.TransactionAge.Milliseconds()
			if s.RecordedAt > 0 {
				row.RecordedSecondsAgo = max(0, int64(now-s.RecordedAt)/1000)
			}
		case s.Process == intakeOfInstructions && ours:
			status.Shards[s.Shard].IntakeNext = s.Next
		}
		if s.Process != "pot" && s.State != engine.StateNotOurs {
			status.Processes = append(status.Processes, s)
		}
	}
}

func (i *Instance) addEnds(ctx context.Context, status *Status) error {
	reader, err := feed.NewReader(i.config.Connection, i.config.Logger)
	if err != nil {
		return err
	}
	defer reader.Close()
	ends, err := reader.EndOffsets(ctx, streams.IngestInstruction, streams.PotInbox, streams.LedgerJournal)
	if err != nil {
		return err
	}
	for place, end := range ends {
		if place.Partition >= i.Shards() {
			continue
		}
		row := &status.Shards[place.Partition]
		switch place.Topic {
		case streams.IngestInstruction:
			row.IngestEnd = end
		case streams.PotInbox:
			row.InboxEnd = end
		case streams.LedgerJournal:
			row.JournalEnd = end
		}
	}
	return nil
}

func (i *Instance) addBooked(ctx context.Context, status *Status) error {
	rows, err := i.auditor.Query(ctx, "select topic, partition, next_offset, sequence, claimed_by from ledger.position")
	if err != nil {
		return fmt.Errorf("reading what is booked: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var topic, owner string
		var partition int32
		var next, sequence int64
		if err := rows.Scan(&topic, &partition, &next, &sequence, &owner); err != nil {
			return fmt.Errorf("reading what is booked: %w", err)
		}
		switch {
		case topic == streams.LedgerTrade:
			status.Trades = next
		case topic == streams.LedgerJournal && partition < i.Shards():
			row := &status.Shards[partition]
			row.Booked, row.BookedTo, row.SinkOwner = sequence, next, owner
		}
	}
	return rows.Err()
}
