package simulation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Config says what to run.
type Config struct {
	// From is the first seed, Schedules how many follow each other. Faults is the second number, from which each seed's faults are drawn.
	From, Schedules, Faults uint64
	// Same runs the first seed each time.
	Same bool
	// Workers is how many run at once. They mostly wait, so there may be more of them than processors.
	Workers int
	Server  *Server
	Log     *slog.Logger
	// OnOutcome is told of each run that has ended, from one goroutine at a time; nil tells nobody.
	OnOutcome func(*Outcome)
}

// Summary is what many runs came to.
type Summary struct {
	Schedules uint64 `json:"schedules"`
	From      uint64 `json:"from"`
	To        uint64 `json:"to"`
	Faults    uint64 `json:"faults"`
	// Clean runs ended as they must, Failed ones did not; in Idle ones nothing of what was planned struck, so they prove nothing.
	Clean  uint64   `json:"clean"`
	Idle   uint64   `json:"idle"`
	Failed []uint64 `json:"failed"`
	// Struck counts what went wrong, by kind, Requests what struck requests, by their kind and what happened to them.
	Struck       map[string]int `json:"struck"`
	Requests     map[string]int `json:"requests"`
	Transactions int            `json:"transactions"`
	Postings     int            `json:"postings"`
	// Seconds is the time it took, CPUSeconds the processor time of this process for each run, without that of Postgres.
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpuSecondsPerSchedule"`
}

// databaseRunsMax is after how many runs a worker's database is made anew: deleted rows are in the way of later ones.
const databaseRunsMax = 150

// RunMany runs one seed after the other. An error means that runs could not begin; what failed is in the summary.
func RunMany(ctx context.Context, config Config) (*Summary, error) {
	began, used := time.Now(), cpuTime()
	s := &Summary{From: config.From, Faults: config.Faults, Struck: make(map[string]int), Requests: make(map[string]int), Failed: []uint64{}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seeds := make(chan uint64)
	go func() {
		defer close(seeds)
		for n := range config.Schedules {
			seed := config.From + n
			if config.Same {
				seed = config.From
			}
			select {
			case seeds <- seed:
			case <-ctx.Done():
				return
			}
		}
	}()
	var mutex sync.Mutex
	var working sync.WaitGroup
	var first error
	for number := range config.Workers {
		working.Go(func() {
			w := &worker{config: &config, name: fmt.Sprintf("penstock_simulation_%d", number)}
			err := w.work(ctx, seeds, func(o *Outcome) {
				mutex.Lock()
				defer mutex.Unlock()
				s.add(o)
				if config.OnOutcome != nil {
					config.OnOutcome(o)
				}
			})
			if err != nil && ctx.Err() == nil {
				mutex.Lock()
				first = errors.Join(first, err)
				mutex.Unlock()
				cancel()
			}
		})
	}
	working.Wait()
	slices.Sort(s.Failed)
	s.Seconds = time.Since(began).Seconds()
	if s.Schedules > 0 {
		s.CPUSeconds = (cpuTime() - used).Seconds() / float64(s.Schedules)
	}
	return s, first
}

func (s *Summary) add(o *Outcome) {
	s.Schedules++
	s.To = max(s.To, o.Seed)
	s.Transactions += o.Transactions
	s.Postings += o.Postings
	for kind, count := range o.Struck {
		s.Struck[kind] += count
	}
	for kind, count := range o.Requests {
		s.Requests[kind] += count
	}
	if o.Err != nil {
		s.Failed = append(s.Failed, o.Seed)
		return
	}
	s.Clean++
	if len(o.Struck) == 0 {
		s.Idle++
	}
}

// Kinds returns the kinds of what struck, in order.
func (s *Summary) Kinds() []string { return slices.Sorted(maps.Keys(s.Struck)) }

// worker runs seeds on a database of its own.
type worker struct {
	config   *Config
	name     string
	database *Database
	runs     int
}

func (w *worker) work(ctx context.Context, seeds <-chan uint64, done func(*Outcome)) error {
	defer func() {
		if w.database != nil {
			w.database.Close(context.WithoutCancel(ctx))
		}
	}()
	for seed := range seeds {
		if err := w.prepare(ctx); err != nil {
			return err
		}
		o, err := Run(ctx, seed, DrawPlan(seed, w.config.Faults), w.database, w.config.Log)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil // what was cut short says nothing
		}
		done(o)
	}
	return nil
}

// prepare makes the database where there is none yet, or it has served long enough.
func (w *worker) prepare(ctx context.Context) (err error) {
	w.runs++
	if w.database != nil && w.runs%databaseRunsMax != 0 {
		return nil
	}
	if w.database != nil {
		w.database.Close(ctx)
	}
	w.database, err = w.config.Server.Open(ctx, w.name)
	return err
}
