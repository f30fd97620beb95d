package processes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/ops/child"
	"github.com/penstock-ledger/penstock/ops/drills/script"
)

// sessionMax is the silence after which others take a victim's shards over.
const sessionMax = 2 * time.Second

// crew is the instances of a drill. One that is killed is started again, as whatever runs it in production would.
type crew struct {
	t      *testing.T
	binary string
	// shipped says that the binary is the shipped program, not the victim of scripts.
	shipped bool
	dir     string
	base    script.Script

	mutex   sync.Mutex
	members map[string]*member
	kills   int
	former  []string // client ids of those that were killed
	failed  error
	closed  bool
	running sync.WaitGroup
}

// member is one instance over all its lives.
type member struct {
	crew    *crew
	name    string
	roles   []string
	process *child.Process
	lives   int
	// wanted says that it is started again when it ends; robbed that its stores are removed before that.
	wanted, robbed bool
	gone           chan struct{} // closed when it has ended and is not started again
}

func newCrew(t *testing.T, binary string, on *site, d *drill) *crew {
	t.Helper()
	c := &crew{t: t, binary: binary, shipped: d.shipped, dir: t.TempDir(), members: make(map[string]*member)}
	c.base = script.Script{
		Brokers: on.connection.Brokers, Registry: on.connection.Registry.URL, Postgres: on.postgres, Suffix: on.suffix, Shards: shards,
		IntakeKey: intakeKey, Session: sessionMax, RecordsMax: d.recordsMax, VisitsMax: d.visitsMax, Standby: d.standby, Behaviour: behaviour,
		Plan: script.Plan{Dir: filepath.Join(c.dir, "struck"), Points: d.points},
	}
	must(t, os.Mkdir(c.base.Plan.Dir, 0o700))
	t.Cleanup(c.close)
	if on.forgetful {
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		t.Cleanup(cancel)
		c.running.Go(func() {
			if err := c.bury(ctx, on.connection.Brokers); err != nil {
				c.fail(err)
			}
		})
	}
	for n, roles := range d.crew {
		c.start(fmt.Sprintf("m%d", n+1), roles)
	}
	return c
}

func (c *crew) path(name, suffix string) string { return filepath.Join(c.dir, name+suffix) }

// start starts an instance that was not started before, or was stopped.
func (c *crew) start(name, roles string) {
	s := c.base
	s.Name, s.Roles, s.StateDir, s.ReportFile = name, strings.Fields(roles), c.path(name, ".state"), c.path(name, ".report")
	if err := s.Write(c.path(name, ".json")); err != nil {
		c.fail(err)
		return
	}
	m := &member{crew: c, name: name, roles: s.Roles, wanted: true, gone: make(chan struct{})}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if err := m.launch(); err != nil {
		c.failed = errors.Join(c.failed, err)
		return
	}
	c.members[name] = m
	c.running.Go(m.watch)
}

// launch begins a life; the crew is locked.
func (m *member) launch() error {
	if m.robbed {
		if err := os.RemoveAll(m.crew.path(m.name, ".state")); err != nil {
			return err
		}
		m.robbed = false
	}
	m.lives++
	arguments, err := m.command()
	if err != nil {
		return err
	}
	m.process, err = child.Start(m.crew.path(m.name, ".log"), nil, m.crew.binary, arguments...)
	return err
}

// watch starts the member again as often as it is killed. Any other end that nobody asked for fails the drill.
func (m *member) watch() {
	defer close(m.gone)
	c := m.crew
	for {
		c.mutex.Lock()
		process := m.process
		c.mutex.Unlock()
		<-process.Done()
		c.mutex.Lock()
		killed := wasKilled(process.Err())
		if killed && !c.closed {
			c.kills++
			c.former = append(c.former, m.clientID())
		}
		if !killed && (m.wanted || process.Err() != nil) && !c.closed {
			c.failed = errors.Join(c.failed, fmt.Errorf("%s ended by itself: %w", m.name, errors.Join(process.Err(), errEnded)))
		}
		again := killed && m.wanted && !c.closed
		if again {
			if err := m.launch(); err != nil {
				c.failed = errors.Join(c.failed, err)
				again = false
			}
		}
		c.mutex.Unlock()
		if !again {
			return
		}
	}
}

var errEnded = errors.New("nobody killed it")

func wasKilled(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

func (c *crew) fail(err error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.failed = errors.Join(c.failed, err)
}

// trouble returns what has gone wrong with the crew itself.
func (c *crew) trouble() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.failed
}

func (c *crew) killed() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.kills
}

// names are those of the present members, sorted.
func (c *crew) names() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var names []string
	for name := range c.members {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// named returns the member whose present process has the id.
func (c *crew) named(pid int) string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for name, m := range c.members {
		if m.process.Pid() == pid {
			return name
		}
	}
	return ""
}

func (c *crew) signal(name string, signal syscall.Signal) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if m := c.members[name]; m != nil {
		if err := m.process.Signal(signal); err != nil {
			c.failed = errors.Join(c.failed, err)
		}
	}
}

// kill kills a member; it is started again, without its stores if it is robbed of them.
func (c *crew) kill(name string, robbed bool) {
	c.mutex.Lock()
	if m := c.members[name]; m != nil {
		m.robbed = robbed
	}
	c.mutex.Unlock()
	c.signal(name, syscall.SIGKILL)
}

// stop asks a member to end, waits until it has, and returns its roles. Fell does the same without asking.
func (c *crew) stop(name string) string { return c.end(name, (*child.Process).Stop) }

func (c *crew) fell(name string) string { return c.end(name, (*child.Process).Kill) }

func (c *crew) end(name string, how func(*child.Process) error) string {
	c.mutex.Lock()
	m := c.members[name]
	m.wanted = false
	process := m.process
	c.mutex.Unlock()
	if err := how(process); err != nil {
		c.fail(err)
	}
	<-m.gone
	c.mutex.Lock()
	defer c.mutex.Unlock()
	delete(c.members, name)
	return strings.Join(m.roles, " ")
}

// close ends all members at once, frozen ones too.
func (c *crew) close() {
	c.mutex.Lock()
	c.closed = true
	for _, m := range c.members {
		_ = m.process.Signal(syscall.SIGKILL)
	}
	c.mutex.Unlock()
	c.running.Wait()
}

// said returns the lines of a member's log that contain all of the words.
func (c *crew) said(name string, words ...string) []string {
	text, _ := os.ReadFile(c.path(name, ".log"))
	var found []string
	for line := range strings.Lines(string(text)) {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// linesToldMax bounds what is told of each member's log when a drill fails.
const linesToldMax = 60

func (c *crew) logs() string {
	var text strings.Builder
	logs, _ := filepath.Glob(filepath.Join(c.dir, "*.log"))
	for _, log := range logs {
		lines := c.said(strings.TrimSuffix(filepath.Base(log), ".log"), "")
		fmt.Fprintf(&text, "%s:\n  %s\n", filepath.Base(log), strings.Join(lines[max(0, len(lines)-linesToldMax):], "\n  "))
	}
	return text.String()
}
