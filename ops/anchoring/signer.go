package anchoring

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// EveryMin is the shortest period: each line is read again at every look.
const EveryMin = time.Minute

const (
	// lookMax is the longest time between two looks: it bounds how long it takes to notice that the machine slept, or that the file or the database is away.
	lookMax = time.Hour
	// pauseFirst and pauseMax are the shortest and the longest time until it is tried again. It doubles, so what was away for a while is signed about as long after.
	pauseFirst = 5 * time.Second
	pauseMax   = time.Hour
	// aheadMax is by how much the database's clock may be ahead of this machine's: more than zones that were mixed up, so that only a clock that is wrong is beyond.
	aheadMax = day
	// day is one of UTC.
	day = 24 * time.Hour
)

// Config says what is signed, where to, and how often.
type Config struct {
	// File is the file of anchors. Only with Begin it is made where there is none, or none with a line: a place without it may be the wrong one.
	File  string
	Begin bool
	Key   ed25519.PrivateKey
	// Every is the length of a period, so many to a day or so many days. Periods begin at midnight UTC, so that with 24 hours each day has one.
	Every time.Duration
	// Take reads what is to be signed.
	Take func(context.Context) (*anchor.Anchor, error)
	// Check, where given, is called after Take with the lines that there are, none at first. Where it returns an error nothing is signed.
	Check func(context.Context, []anchor.Anchor) error
	// Now tells the time, and Wait waits, or returns an error when the context ends; nil stands for the machine's clock.
	Now     func() time.Time
	Wait    func(context.Context, time.Duration) error
	Logger  *slog.Logger
	Metrics prometheus.Registerer
}

// State is what a Signer has come to.
type State struct {
	// Lines is how many lines the file has, SignedAt the time of the last one by the database's clock, Journals how many journals its heads cover.
	Lines    int
	SignedAt time.Time
	Journals int64
	// Waiting says what keeps it from signing, empty for nothing.
	Waiting string
}

// Signer signs on and on.
type Signer struct {
	config  Config
	public  ed25519.PublicKey
	metrics metrics
	mutex   sync.Mutex
	state   State
}

// New makes a Signer. It refuses periods shorter than EveryMin or that do not fit into days, no key, and metrics that are registered already.
func New(config Config) (*Signer, error) {
	if config.Every < EveryMin {
		return nil, fmt.Errorf("a line every %s is too often; it must be %s or more", config.Every, EveryMin)
	}
	if every := config.Every; day%every != 0 && every%day != 0 {
		return nil, fmt.Errorf("a line every %s does not fit into days; a day must be a multiple of it, or it one of days", every)
	}
	if len(config.Key) != ed25519.PrivateKeySize {
		return nil, errors.New("there is no key to sign with")
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Wait == nil {
		config.Wait = wait
	}
	s := &Signer{config: config}
	s.public, _ = config.Key.Public().(ed25519.PublicKey) // it is of no other type
	var err error
	s.metrics, err = newMetrics(config.Metrics)
	s.waits(errors.New("starting"))
	return s, err
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// State returns a moment of the signer.
func (s *Signer) State() State {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.state
}

// Run signs until the context ends.
func (s *Signer) Run(ctx context.Context) {
	pause := pauseFirst
	for {
		next, err := s.look(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			pause = pauseFirst
		} else {
			next, pause = pause, min(2*pause, pauseMax)
			s.config.Logger.Error("nothing is signed", "reason", err, "again", next.String())
		}
		s.waits(err)
		if s.config.Wait(ctx, min(next, lookMax)) != nil {
			return
		}
	}
}

// look signs where the present period has no line yet, and returns how long it is until the next one.
func (s *Signer) look(ctx context.Context) (next time.Duration, err error) {
	before, err := s.before()
	if err != nil {
		return 0, err
	}
	a, err := s.config.Take(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.checkClock(a.TakenAt, before); err != nil {
		return 0, err
	}
	if len(before) > 0 {
		if ends := s.periodEnds(before[len(before)-1].TakenAt); a.TakenAt.Before(ends) {
			return ends.Sub(a.TakenAt), nil
		}
	}
	if s.config.Check != nil {
		if err := s.config.Check(ctx, before); err != nil {
			return 0, err
		}
	}
	if err := anchor.Append(s.config.File, s.config.Key, a); err != nil {
		return 0, err
	}
	s.signed(append(before, *a))
	s.config.Logger.Info("signed", "journals", s.State().Journals, "taken_at", a.TakenAt, "line", len(before)+1)
	return s.periodEnds(a.TakenAt).Sub(a.TakenAt), nil
}

// checkClock refuses a time of the database by which no line should be signed: one before the last line, up to which no period would get another, and one
// so far ahead that such a line would come of it.
func (s *Signer) checkClock(at time.Time, before []anchor.Anchor) error {
	if now := s.config.Now(); at.Sub(now) > aheadMax {
		return fmt.Errorf("the database's clock says %s, which is more than %s ahead of this machine's, %s: put right the one that is wrong",
			at.UTC().Format(time.RFC3339), aheadMax, now.UTC().Format(time.RFC3339))
	}
	if len(before) > 0 && at.Before(before[len(before)-1].TakenAt) {
		return fmt.Errorf("the database's clock says %s, which is before the last line, %s: put it right, or if it is that line's which was wrong, begin a new file and keep this one",
			at.UTC().Format(time.RFC3339), before[len(before)-1].TakenAt.UTC().Format(time.RFC3339))
	}
	return nil
}

// periodEnds returns the end of the period that a time lies in.
func (s *Signer) periodEnds(at time.Time) time.Time {
	return at.UTC().Truncate(s.config.Every).Add(s.config.Every)
}

// before reads the lines that there are. A file that lost lines which it had, such as one on a disk that is not mounted now, is not begun anew, and none is
// begun without being told so.
func (s *Signer) before() ([]anchor.Anchor, error) {
	lines, err := anchor.ReadFile(s.config.File, s.public)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	was := s.State()
	if len(lines) < was.Lines || was.Lines > 0 && !lines[was.Lines-1].TakenAt.Equal(was.SignedAt) {
		return nil, fmt.Errorf("%s does not have its line %d any more, signed at %s: bring the file back",
			s.config.File, was.Lines, was.SignedAt.UTC().Format(time.RFC3339))
	}
	if len(lines) == 0 && !s.config.Begin {
		return nil, fmt.Errorf("there is no line in %s: bring the file back, or with --begin sign its first line", s.config.File)
	}
	s.signed(lines)
	return lines, nil
}

// signed notes the last line.
func (s *Signer) signed(lines []anchor.Anchor) {
	if len(lines) == 0 {
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	last := &lines[len(lines)-1]
	s.state.Lines, s.state.SignedAt, s.state.Journals = len(lines), last.TakenAt, last.Journals()
	s.metrics.signed(s.state)
}

// waits notes what keeps it from signing, nil for nothing.
func (s *Signer) waits(reason error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.state.Waiting = ""
	if reason != nil {
		s.state.Waiting = reason.Error()
	}
	s.metrics.waits(reason != nil)
}
