package roles

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	// The zone's rules must not depend on the machine.
	_ "time/tzdata"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/sinks/bank"
	"github.com/penstock-ledger/penstock/sinks/custodian"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/engine"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// Role names something that an instance does. The names are frozen: configurations carry them.
type Role string

// The roles.
const (
	Intake             Role = "intake"
	Pot                Role = "pot"
	Dealing            Role = "dealing"
	Clock              Role = "clock"
	Sink               Role = "sink"
	CustodianSimulator Role = "custodian-simulator"
	API                Role = "api"
)

// All returns every role, in the order of the flow.
func All() []Role { return []Role{Intake, Pot, Dealing, Clock, Sink, CustodianSimulator, API} }

// Parse reads the names of roles, each once.
func Parse(names []string) ([]Role, error) {
	var parsed []Role
	for _, name := range names {
		role := Role(strings.TrimSpace(name))
		if !slices.Contains(All(), role) {
			return nil, fmt.Errorf("there is no role %q; the roles are %s", name, join(All()))
		}
		if !slices.Contains(parsed, role) {
			parsed = append(parsed, role)
		}
	}
	if len(parsed) == 0 {
		return nil, fmt.Errorf("no role to run; the roles are %s", join(All()))
	}
	return parsed, nil
}

func join(roles []Role) string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return strings.Join(names, ", ")
}

// TickIntervalDefault is the time between two ticks of the clock role.
const TickIntervalDefault = 2 * time.Second

// Config says what an instance runs, and with what.
type Config struct {
	Roles []Role
	// Connection says where the brokers and the registry are, Layout how the topics must be.
	Connection feed.Connection
	Layout     feed.Layout
	// PostgresURL is the ledger's database; the roles sink and api need it.
	PostgresURL string
	// IntakeKey is the secret from which the salts of Merkle leaves are made; role intake needs it.
	IntakeKey []byte
	// StateDir holds the shards' stores. It may be lost: they are restored.
	StateDir string
	// TransactionalSuffix: see engine.Config. Empty but on the embedded broker.
	TransactionalSuffix string
	// Limits bound what the engine's shards do at a time; zero values take the defaults. SessionTimeMax counts for role sink, too.
	Limits engine.Limits
	// AcceptedTopics: see engine.Config.Accepted.
	AcceptedTopics map[string]string
	// Manual is the simulated clock, nil where time is real. On it no tick is written but by CloseDay and Advance.
	Manual *Manual
	// TickInterval is the time between two ticks.
	TickInterval time.Duration
	// ClosingPrices returns what the vendor publishes for a day; CloseDay sends it. Nil publishes nothing.
	ClosingPrices func(schemas.Date) []ingest.Price
	// Custodians says what the simulated custodians do out of the ordinary; Zone is where their settlement days begin, nil for
	// London.
	Custodians custodian.Behaviour
	Zone       *time.Location
	// Bank says what the simulated bank does out of the ordinary; it runs beside the simulated custodians.
	Bank bank.Behaviour
	// Address is the host:port of the HTTP server, or Listener one that listens already and is taken over; neither runs none.
	Address  string
	Listener net.Listener
	// Name names this instance to whoever looks at positions and status.
	Name   string
	Logger *slog.Logger
	// Metrics collects and shows the metrics.
	Metrics *prometheus.Registry
	// Standby keeps stores up to date of shards that other instances run, for short takeovers; see engine.Config.
	Standby bool
	// EngineFaults and SinkFaults let drills crash the instance at a named step; nil does nothing.
	EngineFaults func(process string, shard int32, at engine.Step) error
	SinkFaults   func(shard int32, at postgres.Step) error
	// Wrap lets drills stand between the engine and a process's rules; nil changes nothing.
	Wrap func(streams.Process) streams.Process
}

// zoneDefault is the trust's time zone.
const zoneDefault = "Europe/London"

func (c Config) withDefaults() Config {
	if zone, err := time.LoadLocation(zoneDefault); c.Zone == nil && err == nil {
		c.Zone = zone
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	if c.TickInterval <= 0 {
		c.TickInterval = TickIntervalDefault
	}
	return c
}

func (c Config) has(role Role) bool { return slices.Contains(c.Roles, role) }

func (c Config) check() error {
	switch {
	case len(c.Roles) == 0:
		return fmt.Errorf("no role to run; the roles are %s", join(All()))
	case c.has(Intake) && len(c.IntakeKey) < intakeKeyBytesMin:
		return fmt.Errorf("role intake needs a secret of at least %d bytes; put one into a file and name it in PENSTOCK_INTAKE_KEY_FILE", intakeKeyBytesMin)
	case c.has(Sink) && c.PostgresURL == "":
		return fmt.Errorf("role sink needs the ledger's database; name it in PENSTOCK_POSTGRES_URL")
	case len(c.processes()) > 0 && c.StateDir == "":
		return fmt.Errorf("roles intake, pot and dealing need a folder for their stores; name it in PENSTOCK_STATE_DIR")
	}
	return c.Connection.Validate()
}

// intakeKeyBytesMin is the least length of the secret: that of its HMAC's security.
const intakeKeyBytesMin = 16

// processes returns the processes of the instance's roles.
func (c Config) processes() []streams.Process {
	var processes []streams.Process
	if c.has(Intake) {
		processes = append(processes, intake.Processes(c.IntakeKey)...)
	}
	if c.has(Pot) {
		processes = append(processes, pot.Process())
	}
	if c.has(Dealing) {
		processes = append(processes, dealing.Process(c.Layout.Shards))
	}
	for i := range processes {
		if c.Wrap != nil {
			processes[i] = c.Wrap(processes[i])
		}
	}
	return processes
}

// Processes returns every process of the system, for what must be known of their topics alone.
func Processes(shards int32) []streams.Process {
	return append(intake.Processes(nil), pot.Process(), dealing.Process(shards))
}

// Topics returns every topic of the system, changelogs included.
func Topics(shards int32) []streams.Topic {
	topics := streams.Topics()
	for _, p := range Processes(shards) {
		topics = append(topics, p.Table)
	}
	return topics
}
