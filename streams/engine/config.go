package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
)

// Config says what an instance runs and with what. Processes, Shards, Kafka, Framing and Dir are required.
type Config struct {
	// Processes are the processes of which this instance runs any number of shards, as their groups assign them.
	Processes []streams.Process
	// Shards is the number of shards of the system, chosen once when the topics were created.
	Shards int32
	// Kafka holds the seed brokers, TLS and SASL, and nothing else; acks, offsets, isolation and timeouts are the engine's.
	Kafka []kgo.Opt
	// Framing takes values out of the registry's framing; handlers frame what they emit.
	Framing streams.Framing
	// Dir holds the states, in Dir/<process>/<shard>. It may be lost: it is restored from the changelogs.
	Dir string
	// TransactionalSuffix is appended to every transactional id. Only a broker that forgets how to abort a transaction when it is
	// killed needs one, and then another one after each unclean stop of it; elsewhere a suffix would defeat the fencing.
	TransactionalSuffix string
	// GroupPrefix is put before the process's name to make the name of its consumer group.
	GroupPrefix string
	// Limits bound what the engine holds; zero values take the defaults.
	Limits Limits
	// Logger and Metrics may be nil: then nothing is logged or registered.
	Logger  *slog.Logger
	Metrics prometheus.Registerer
	// CacheBytes is the size of the cache that all stores of the instance share; 0 is 256 MiB. It pays for their memtables, too: 8 MiB
	// and more per shard, so a small cache holds no block at all and every look-up reads the disk's pages again.
	CacheBytes int64
	// RecentBytes is how much memory may hold the states that were committed last; 0 is 64 MiB. It is shared out evenly among all shards of the processes, as if
	// they all ran here, so one of few shards of many holds its part of it.
	RecentBytes int64

	// Standby keeps stores up to date of the shards that other instances run, so that taking one over needs only the end of its changelog. It costs
	// the disk and the reading of a shard that runs, and memory of some 12 MiB for each, 8 of them in the cache, which grows by that.
	Standby bool
	// Accepted names topics that were deleted and made again and are to be gone on with, by their new id. Whoever sets it has made sure that a
	// changelog is a full copy, or that what was not read of an inbox may be lost; the new inbox is read from its beginning.
	Accepted map[string]string
	// Die is called, at most once for a shard's life, when a decision must be ended and nothing but the end of the process can do that. The default logs
	// the reason and exits with status DiedExit.
	Die func(reason string)

	// Files is where the states are kept; nil is the disk. Simulations keep them in memory.
	Files vfs.FS
	// Faults is called at each named step of a shard's life, in drills only; an error from it acts as a crash at that step.
	Faults func(process string, shard int32, at Step) error
	// Dying ends the instance as a kill would, without finishing anything; nil never does. For drills.
	Dying context.Context
}

// Limits bound what a shard does at a time.
type Limits struct {
	// TransactionRecordsMax, TransactionBytesMax and TransactionTimeMax end a transaction early: inbox records, bytes written and read,
	// and time since it began.
	TransactionRecordsMax int
	TransactionBytesMax   int64
	TransactionTimeMax    time.Duration
	// TransactionTimeoutMax is after what time the broker aborts a transaction that nobody ended.
	TransactionTimeoutMax time.Duration
	// SweepVisitsMax bounds the visits of one of a sweep's transactions.
	SweepVisitsMax int
	// TallyBytesMax bounds a sweep's tally.
	TallyBytesMax int
	// RestoreRecordsMax and RestoreBytesMax bound what a restore holds before it writes to the store.
	RestoreRecordsMax int
	RestoreBytesMax   int
	// RecordBytesMax bounds one batch that the engine writes, and so a record: what a topic takes of a value, and what key, headers and the place where
	// a parked record came from add to it. Brokers must let it through.
	RecordBytesMax int32
	// BackoffMin and BackoffMax bound the time between two attempts to run a shard after a doubt, such as an unreachable broker.
	BackoffMin, BackoffMax time.Duration
	// StoppedRetry is the time after which a shard that stopped loudly is tried again. Such a stop mends only with another binary
	// or by an operator's hand, so it is long.
	StoppedRetry time.Duration
	// DiskFreeMin is how many bytes must be free on the disk of Dir for a shard to write to its store; with less it waits and says so.
	DiskFreeMin uint64
	// StartTimeMax bounds how long the start of a life may make no headway, from fencing to the last record restored. A request whose answer never comes would
	// otherwise leave the shard to nobody; another life asks anew.
	StartTimeMax time.Duration
	// StopTimeMax bounds a clean stop: then the open transaction is dropped.
	StopTimeMax time.Duration
	// SessionTimeMax is after what silence of an instance its groups give its shards to others. Brokers refuse less than 6 s unless told
	// otherwise. Too little costs needless moves on a busy machine, too much a longer wait after a crash; it never costs correctness,
	// for only the transactional id fences.
	SessionTimeMax time.Duration
	// ParkedKeysMax and ParkedRecordsMax bound what a shard parks; beyond, it stops: then it is not single keys that are ill, but the binary.
	ParkedKeysMax    int
	ParkedRecordsMax int
	// DecisionTimeMax is the time after which one decision counts as endless and the process dies (Config.Die), to find out which it was.
	DecisionTimeMax time.Duration
	// MemoryMax is the size of the heap, in bytes, beyond which the process dies when a decision is under way; 0: there is no such limit.
	MemoryMax int64
	// StandbyShardsMax bounds the shards of a process that an instance stands by for; those with the lowest numbers come first.
	StandbyShardsMax int
	// StandbyBytesPerSecondMax bounds what all standbys of an instance read together.
	StandbyBytesPerSecondMax int64
	// StandbyLookEvery is the time between two looks of a standby at the changelog: whether it is still the same, and where it ends.
	StandbyLookEvery time.Duration
	// CopyEvery is the time between two commits of the group's offsets, a copy for lag tools.
	CopyEvery time.Duration
}

func (l Limits) withDefaults() Limits {
	return Limits{
		TransactionRecordsMax:    orDefault(l.TransactionRecordsMax, 20_000),
		TransactionBytesMax:      orDefault(l.TransactionBytesMax, 16<<20),
		TransactionTimeMax:       orDefault(l.TransactionTimeMax, time.Second),
		TransactionTimeoutMax:    orDefault(l.TransactionTimeoutMax, 15*time.Second),
		SweepVisitsMax:           orDefault(l.SweepVisitsMax, 5000),
		TallyBytesMax:            orDefault(l.TallyBytesMax, 512<<10),
		RestoreRecordsMax:        orDefault(l.RestoreRecordsMax, 20000),
		RestoreBytesMax:          orDefault(l.RestoreBytesMax, 8<<20),
		RecordBytesMax:           orDefault(l.RecordBytesMax, 1<<20+1<<16),
		BackoffMin:               orDefault(l.BackoffMin, 100*time.Millisecond),
		BackoffMax:               orDefault(l.BackoffMax, 5*time.Second),
		StoppedRetry:             orDefault(l.StoppedRetry, 5*time.Minute),
		DiskFreeMin:              orDefault(l.DiskFreeMin, 128<<20),
		StartTimeMax:             orDefault(l.StartTimeMax, 30*time.Second),
		StopTimeMax:              orDefault(l.StopTimeMax, 10*time.Second),
		SessionTimeMax:           orDefault(l.SessionTimeMax, 10*time.Second),
		ParkedKeysMax:            orDefault(l.ParkedKeysMax, 100),
		ParkedRecordsMax:         orDefault(l.ParkedRecordsMax, 10_000),
		DecisionTimeMax:          orDefault(l.DecisionTimeMax, 10*time.Second),
		MemoryMax:                l.MemoryMax,
		StandbyShardsMax:         orDefault(l.StandbyShardsMax, 64),
		StandbyBytesPerSecondMax: orDefault(l.StandbyBytesPerSecondMax, 64<<20),
		StandbyLookEvery:         orDefault(l.StandbyLookEvery, 10*time.Second),
		CopyEvery:                orDefault(l.CopyEvery, 5*time.Second),
	}
}

func orDefault[T comparable](value, standard T) T {
	var zero T
	if value == zero {
		return standard
	}
	return value
}

func (c Config) withDefaults() Config {
	c.Limits = c.Limits.withDefaults()
	c.CacheBytes = orDefault(c.CacheBytes, 256<<20)
	c.RecentBytes = orDefault(c.RecentBytes, 64<<20)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	if c.Files == nil {
		c.Files = vfs.Default
	}
	if c.Die == nil {
		c.Die = exit(c.Logger)
	}
	if c.Dying == nil {
		c.Dying = context.Background()
	}
	return c
}

func (c Config) check() error {
	switch {
	case len(c.Processes) == 0:
		return errors.New("engine: no process to run")
	case c.Shards < 1:
		return fmt.Errorf("engine: %d shards; there must be at least one", c.Shards)
	case c.Framing == nil || c.Dir == "":
		return errors.New("engine: a framing and a folder for the states are needed")
	}
	seen := map[string]bool{}
	for _, p := range c.Processes {
		if seen[p.Name] {
			return fmt.Errorf("engine: process %s is declared twice", p.Name)
		}
		seen[p.Name] = true
		if err := checkProcess(p); err != nil {
			return err
		}
	}
	return nil
}

func checkProcess(p streams.Process) error {
	switch {
	case p.Name == "" || p.Inbox.Name == "" || p.NewHandler == nil:
		return fmt.Errorf("engine: process %q needs a name, an inbox and a handler", p.Name)
	case p.Table.Name != p.Name+"-table":
		// goka derives the table's name from the group's.
		return fmt.Errorf("engine: the changelog of process %s must be named %s-table, not %s", p.Name, p.Name, p.Table.Name)
	case p.Table.Width != p.Inbox.Width:
		return fmt.Errorf("engine: the changelog of process %s is not as wide as its inbox", p.Name)
	case p.ParkedTo.Name != "" && p.ReadsAnything:
		return fmt.Errorf("engine: process %s reads anything, also what has no key, and so cannot park", p.Name)
	}
	return nil
}
