package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

const (
	// SinkGroup is the consumer group of all sinks. Its offsets are a copy for lag tools.
	SinkGroup = "ledger-sink"

	// retryDelayFirst is the pause after a first failure, each further one is twice as long, up to retryDelayMax.
	retryDelayFirst = 100 * time.Millisecond
	retryDelayMax   = 5 * time.Second
	// positionsCopyEvery is how often positions are copied into the group.
	positionsCopyEvery = 5 * time.Second
)

// Config is what a Sink needs.
type Config struct {
	Connection feed.Connection
	// Framing knows the schemas of the three ledger topics.
	Framing streams.Framing
	// Pool acts as RoleSink. It has at least two connections, or shards wait for each other.
	Pool *pgxpool.Pool
	// Ledger says which system's ledger it is; the sink itself asks the brokers for their cluster.
	Ledger LedgerOptions
	// SessionTimeMax is after what silence of this sink its partitions go to others; 0 is 10 s.
	SessionTimeMax time.Duration
	Log            *slog.Logger
	// Metrics, where given, is told of the sink's metrics.
	Metrics prometheus.Registerer
}

// Sink reads the ledger topics and books them. Any number of sinks share the work: the group says who tries a shard, the epoch
// in the database who may.
type Sink struct {
	config  Config
	metrics *sinkMetrics
	ledger  *Ledger

	mutex   sync.Mutex
	lanes   map[feed.Place]*lane
	waiting map[feed.Place]string
	stopped map[feed.Place]error
}

// NewSink makes a sink; Run runs it.
func NewSink(config Config) (*Sink, error) {
	metrics, err := newSinkMetrics(config.Metrics)
	if err != nil {
		return nil, err
	}
	sink := &Sink{
		config: config, metrics: metrics,
		lanes: map[feed.Place]*lane{}, waiting: map[feed.Place]string{}, stopped: map[feed.Place]error{},
	}
	if err := showHeld(config.Metrics, sink.Held); err != nil {
		return nil, err
	}
	return sink, nil
}

// Run books until ctx ends and returns nil then. It waits for a database, brokers or a registry that are away. It
// returns an error at once where the database holds another system's ledger, or none.
func (s *Sink) Run(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	var running sync.WaitGroup
	defer running.Wait()
	member, err := feed.Join(s.config.Connection, feed.MemberOptions{
		Group:  SinkGroup,
		Topics: []string{streams.LedgerJournal, streams.LedgerTrade},
		Assigned: func(_ context.Context, assignment feed.Assignment) {
			for _, place := range placesOf(assignment) {
				s.begin(ctx, place, &running)
			}
		},
		Revoked:        func(_ context.Context, assignment feed.Assignment, _ bool) { s.end(placesOf(assignment)) },
		SessionTimeMax: s.config.SessionTimeMax,
		Log:            s.config.Log,
	})
	if err != nil {
		return fmt.Errorf("joining the sinks: %w", err)
	}
	defer member.Close()
	ticker := time.NewTicker(positionsCopyEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := member.Commit(ctx, s.positions()...); err != nil && ctx.Err() == nil {
				s.config.Log.WarnContext(ctx, "positions were not copied into the group", "error", err)
			}
		}
	}
}

// open waits for the database. What another attempt would not change is returned.
func (s *Sink) open(ctx context.Context) error {
	for delay := retryDelayFirst; ; delay = min(2*delay, retryDelayMax) {
		ledger, err := s.openLedger(ctx)
		if err == nil {
			s.ledger = ledger
			s.setWaiting(ctx, feed.Place{}, nil)
			return nil
		}
		var answer *pgconn.PgError
		if errors.As(err, &answer) && (strings.HasPrefix(answer.Code, "42") || strings.HasPrefix(answer.Code, "3F")) {
			return fmt.Errorf("%w; this database has no ledger of this version for this user, or the user may not take its role", err)
		}
		if errors.Is(err, ErrOtherLedger) {
			return err
		}
		s.setWaiting(ctx, feed.Place{}, err)
		if !pause(ctx, delay) {
			return nil
		}
	}
}

// openLedger opens the ledger of the cluster that answers.
func (s *Sink) openLedger(ctx context.Context) (*Ledger, error) {
	identity, err := feed.Identify(ctx, s.config.Connection)
	if err != nil {
		return nil, err
	}
	options := s.config.Ledger
	options.Cluster = identity.Cluster
	return OpenLedger(ctx, s.config.Pool, options)
}

func placesOf(assignment feed.Assignment) []feed.Place {
	var places []feed.Place
	for topic, partitions := range assignment {
		for _, partition := range partitions {
			places = append(places, feed.Place{Topic: topic, Partition: partition})
		}
	}
	return places
}

func (s *Sink) begin(ctx context.Context, place feed.Place, running *sync.WaitGroup) {
	laneContext, cancel := context.WithCancel(ctx)
	started := &lane{sink: s, place: place, cancel: cancel, done: make(chan struct{})}
	s.mutex.Lock()
	s.lanes[place] = started
	s.mutex.Unlock()
	s.metrics.begin(place)
	running.Go(func() {
		defer close(started.done)
		started.run(laneContext)
	})
}

// end lets go of places and waits until nothing is under way there any more.
func (s *Sink) end(places []feed.Place) {
	var ending []*lane
	s.mutex.Lock()
	for _, place := range places {
		if l := s.lanes[place]; l != nil {
			ending = append(ending, l)
			delete(s.lanes, place)
		}
	}
	s.mutex.Unlock()
	for _, l := range ending {
		l.cancel()
	}
	for _, l := range ending {
		<-l.done
		s.mutex.Lock()
		delete(s.waiting, l.place)
		delete(s.stopped, l.place)
		s.mutex.Unlock()
		s.metrics.forget(l.place)
	}
}

func (s *Sink) positions() []feed.Position {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	positions := make([]feed.Position, 0, len(s.lanes))
	for place, l := range s.lanes {
		if offset := l.offset.Load(); offset > 0 {
			positions = append(positions, feed.Position{Place: place, Offset: offset})
		}
	}
	return positions
}

// Waiting says what the sink waits for at the moment, or "" where nothing keeps it from booking.
func (s *Sink) Waiting() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	reasons := make([]string, 0, len(s.waiting))
	for _, reason := range s.waiting {
		reasons = append(reasons, reason)
	}
	slices.Sort(reasons)
	return strings.Join(slices.Compact(reasons), "; ")
}

// Stopped returns the errors of the partitions that a tripwire stopped, or nil.
func (s *Sink) Stopped() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	errs := make([]error, 0, len(s.stopped))
	for _, err := range s.stopped {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// setWaiting remembers why a place makes no progress, and says so once per reason; nil says that it does again.
func (s *Sink) setWaiting(ctx context.Context, place feed.Place, err error) {
	s.mutex.Lock()
	before := s.waiting[place]
	if err == nil {
		delete(s.waiting, place)
	} else {
		s.waiting[place] = err.Error()
	}
	s.mutex.Unlock()
	if place.Topic != "" { // as long as the ledger is not open, no partition waits for anything of its own
		s.metrics.wait(place, err != nil)
	}
	switch {
	case err == nil && before != "":
		s.config.Log.InfoContext(ctx, "the ledger sink goes on", "place", place.String())
	case err != nil && err.Error() != before:
		s.config.Log.WarnContext(ctx, "the ledger sink waits", "place", place.String(), "error", err)
	}
}

// pause waits and says whether ctx still lasts.
func pause(ctx context.Context, delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
