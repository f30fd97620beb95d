package roles

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// State is what a role is doing.
type State string

// The states of a role.
const (
	StateWaiting State = "waiting"
	StateRunning State = "running"
	StateStopped State = "stopped"
)

// RoleStatus is a moment of one role.
type RoleStatus struct {
	Role  Role  `json:"role"`
	State State `json:"state"`
	// Reason says what the role waits for, or why it stopped.
	Reason string `json:"reason,omitempty"`
}

// board shows what each role is doing. Each change is logged once.
type board struct {
	log     *slog.Logger
	mutex   sync.Mutex
	roles   []RoleStatus
	running chan struct{}
	ready   bool
}

func newBoard(roles []Role, log *slog.Logger) *board {
	b := &board{log: log, running: make(chan struct{})}
	for _, role := range roles {
		b.roles = append(b.roles, RoleStatus{Role: role, State: StateWaiting, Reason: "starting"})
	}
	return b
}

func (b *board) set(role Role, state State, reason string) { b.change(role, state, reason, false) }

// starts says at which step of its start a role is: that it waits there a moment is no news.
func (b *board) starts(step string, roles ...Role) {
	for _, role := range roles {
		b.change(role, StateWaiting, step, true)
	}
}

func (b *board) change(role Role, state State, reason string, starting bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	i := slices.IndexFunc(b.roles, func(s RoleStatus) bool { return s.Role == role })
	if i < 0 || b.roles[i].State == state && b.roles[i].Reason == reason {
		return
	}
	before := b.roles[i].State
	b.roles[i].State, b.roles[i].Reason = state, reason
	switch {
	case state == StateRunning && before != StateRunning:
		b.log.Info("role is running", "role", role)
	case state == StateStopped:
		b.log.Error("role stopped", "role", role, "reason", reason)
	case state == StateWaiting && starting:
		b.log.Info("role starts", "role", role, "step", reason)
	case state == StateWaiting:
		b.log.Warn("role waits", "role", role, "for", reason)
	}
	all := !slices.ContainsFunc(b.roles, func(s RoleStatus) bool { return s.State != StateRunning })
	if all && !b.ready {
		b.ready = true
		close(b.running)
	}
}

func (b *board) waits(reason string, roles ...Role) {
	for _, role := range roles {
		b.set(role, StateWaiting, reason)
	}
}

func (b *board) runs(roles ...Role) {
	for _, role := range roles {
		b.set(role, StateRunning, "")
	}
}

// snapshot returns the roles now.
func (b *board) snapshot() []RoleStatus {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return slices.Clone(b.roles)
}

// waiting says in a line what is waited for, "" for nothing.
func (b *board) waiting() string {
	var parts []string
	for _, s := range b.snapshot() {
		if s.State != StateRunning {
			parts = append(parts, string(s.Role)+": "+string(s.State)+", "+s.Reason)
		}
	}
	return strings.Join(parts, "; ")
}
