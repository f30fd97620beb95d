// Package script says what a victim runs, and where it dies. The drill writes a script, the victim reads it.
package script

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams/engine"
)

// Script is what one victim runs.
type Script struct {
	// Name names the instance, and Roles are what it runs.
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
	// Brokers, Registry and Postgres are the addresses of what it works with; Suffix ends its transactional ids.
	Brokers  []string `json:"brokers"`
	Registry string   `json:"registry"`
	Postgres string   `json:"postgres"`
	Suffix   string   `json:"suffix"`
	Shards   int32    `json:"shards"`
	// StateDir holds its stores, and with Standby those of shards that others run.
	StateDir string `json:"state_dir"`
	Standby  bool   `json:"standby,omitempty"`
	// ReportFile is where it says, again and again, what its shards do; "" for nowhere.
	ReportFile string `json:"report_file,omitempty"`
	// IntakeKey is the secret of role intake, the same for all instances.
	IntakeKey string `json:"intake_key"`
	// Session is the silence after which others take over; RecordsMax and VisitsMax bound a transaction.
	Session    time.Duration `json:"session"`
	RecordsMax int           `json:"records_max"`
	VisitsMax  int           `json:"visits_max"`
	// Behaviour is the simulated custodians' YAML.
	Behaviour string `json:"behaviour"`
	Plan      Plan   `json:"plan"`
}

// Write writes the script to a file.
func (s *Script) Write(path string) error {
	text, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing the script: %w", err)
	}
	return nil
}

// Read reads a script.
func Read(path string) (*Script, error) {
	text, err := os.ReadFile(path)
	var s Script
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the script: %w", err)
	}
	return &s, nil
}

// Report is what the shards of one life of a victim did a moment ago.
type Report struct {
	Pid    int                  `json:"pid"`
	Shards []engine.ShardStatus `json:"shards"`
}

// Write writes the report to a file, so that nobody reads half of it.
func (r *Report) Write(path string) error {
	text, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(path+".draft", text, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".draft", path)
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// ReadReport reads the last report. It fails where there is none yet.
func ReadReport(path string) (*Report, error) {
	text, err := os.ReadFile(path)
	var r Report
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	return &r, nil
}

// Plan is a list of points that strike one after the other, each once, whichever victim comes to it first.
type Plan struct {
	// Dir is where victims say that a point has struck: several may follow one plan.
	Dir    string  `json:"dir"`
	Points []Point `json:"points"`
}

// Point is a moment of a victim's life.
type Point struct {
	// Process is the engine's process, or "sink"; Step one of engine.Step or postgres.Step.
	Process string `json:"process"`
	Step    string `json:"step"`
	// Occurrence says how often the victim comes here, since the point before has struck, until this one does; 0 is the first time.
	Occurrence int `json:"occurrence"`
	// Sweeping counts only what happens between two transactions of one sweep.
	Sweeping bool `json:"sweeping,omitempty"`
	// Freeze stops the victim (SIGSTOP) instead of killing it (SIGKILL).
	Freeze bool `json:"freeze,omitempty"`
}

func (p Point) String() string {
	text := p.Process + "/" + p.Step
	if p.Sweeping {
		text += " in a sweep"
	}
	if p.Freeze {
		text += ", frozen"
	}
	return text
}

// Strike is what a victim says before a point strikes it.
type Strike struct {
	// Pid is the victim's process id, Shard the one of the point's process that had come to the point.
	Pid   int
	Shard int32
}

// Struck returns the strikes of the points that have struck so far, in the order of the plan.
func (p *Plan) Struck() []Strike {
	var all []Strike
	for n := range p.Points {
		text, err := os.ReadFile(p.claim(n))
		if err != nil {
			return all
		}
		var s Strike
		if _, err := fmt.Sscanf(string(text), "%d %d.", &s.Pid, &s.Shard); err != nil {
			return all // it is just being written
		}
		all = append(all, s)
	}
	return all
}

func (p *Plan) claim(n int) string { return filepath.Join(p.Dir, strconv.Itoa(n)) }

// Unfenced says what a victim that had been frozen committed in the shard at which it was, before it had fenced, or claimed, that shard anew; "" is nothing.
// It is a fault only where somebody else had taken the shard over by then: whoever lets the victim go on has to wait for that.
func (p *Plan) Unfenced() string {
	text, _ := os.ReadFile(p.unfenced()) // there is none unless something went wrong
	return string(text)
}

func (p *Plan) unfenced() string { return filepath.Join(p.Dir, "unfenced") }

// Striker strikes its own process by a plan.
type Striker struct {
	Plan Plan
	// Sweeping says whether a shard is between two transactions of a sweep.
	Sweeping func(process string, shard int32) bool

	mutex sync.Mutex
	// next is the point that strikes next, as far as was seen; met counts the meetings with it.
	next, met int
	// under has the shards that have begun a transaction in this life, and whether they have finished one.
	under map[place]bool
	// frozen are the places that were frozen here and have not begun anew since.
	frozen map[place]bool
}

type place struct {
	process string
	shard   int32
}

// settled says that every shard that has begun a transaction in this life has finished one. A decision that was under way at three
// deaths in a row is taken for what killed the process, so a plan must not strike again before everybody is past what was.
func (s *Striker) settled() bool {
	for _, finished := range s.under {
		if !finished {
			return false
		}
	}
	return true
}

// follow keeps count of what the engine's shards have under way.
func (s *Striker) follow(at place, step string) {
	if s.under == nil {
		s.under = make(map[place]bool)
	}
	if _, known := s.under[at]; step == string(engine.StepBegun) && !known {
		s.under[at] = false
	}
	if step == string(engine.StepStored) {
		s.under[at] = true
	}
}

// At is called whenever the process comes to a step. Where the plan says so, it does not return, or not before somebody lets the
// process go on.
func (s *Striker) At(process string, shard int32, step string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.follow(place{process, shard}, step)
	s.guard(place{process, shard}, step)
	for s.next < len(s.Plan.Points) {
		if _, err := os.Stat(s.Plan.claim(s.next)); err != nil {
			break
		}
		s.next, s.met = s.next+1, 0
	}
	if s.next == len(s.Plan.Points) {
		return
	}
	p := s.Plan.Points[s.next]
	if p.Process != process || p.Step != step || p.Sweeping && !s.Sweeping(process, shard) {
		return
	}
	if s.met++; s.met >= p.Occurrence && s.settled() && s.strike(p, shard) {
		s.frozen = map[place]bool{{process, shard}: true}
	}
}

// guard watches what was frozen: until it has fenced, or claimed, anew it may commit nothing, for others have gone on meanwhile. What it commits all the same
// is noted beside the plan.
func (s *Striker) guard(at place, step string) {
	switch step {
	case string(engine.StepFenced), string(postgres.StepCopied):
		delete(s.frozen, at)
	case string(engine.StepCommitted), string(postgres.StepBooked):
		if s.frozen[at] {
			_ = os.WriteFile(s.Plan.unfenced(), fmt.Appendf(nil, "%s shard %d came to %s", at.process, at.shard, step), 0o600) // a drill that reads nothing has no folder either
		}
	}
}

// strike claims the point, and only then acts: a point that two victims come to strikes one of them. It returns true when a frozen victim goes on, and not
// before: a signal stops a process a moment after it was sent, and what is held here must not go on in that moment.
func (s *Striker) strike(p Point, shard int32) (frozen bool) {
	continued := make(chan os.Signal, 1)
	if p.Freeze {
		signal.Notify(continued, syscall.SIGCONT)
		defer signal.Stop(continued)
	}
	claim, err := os.OpenFile(s.Plan.claim(s.next), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false
	}
	if _, err := fmt.Fprintf(claim, "%d %d.", os.Getpid(), shard); err != nil {
		return false
	}
	_ = claim.Close()
	if !p.Freeze {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	<-continued
	return true
}
