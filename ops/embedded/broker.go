package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// brokerSettings make the broker behave like a real cluster in what a ledger
// depends on. Topics still set their own retention; these are the net below
// those that forgot to.
var brokerSettings = map[string]string{
	"default.replication.factor": "1",
	// The default of a week would delete simulated time, which lies years back.
	"log.retention.ms": "-1",
	// Group offsets are a copy for lag tools; still, a demo left alone for a week
	// should go on showing them.
	"offsets.retention.minutes": "525600",
	// Whoever tries out what a crash of an instance does need not wait long for the others to notice.
	"group.min.session.timeout.ms": "1000",
	"message.max.bytes":            "1048588",
	"transaction.max.timeout.ms":   "900000",
}

type brokerConfig struct {
	dir        string
	listener   net.Listener // taken over
	restamp    func(topic string) bool
	now        func() time.Time
	syncWrites bool
	repair     bool // the last stop was not clean
	log        *slog.Logger
	fault      func(error)
}

// broker is the Kafka broker. Its log files are written as the records come,
// so that they outlive a killed process; what a clean stop adds is the memory of
// open transactions and group members.
type broker struct {
	addr    string
	cluster *kfake.Cluster
	journal *brokerLog

	closeNotes func() error
}

func startBroker(config brokerConfig) (*broker, error) {
	if err := os.MkdirAll(config.dir, 0o700); err != nil {
		_ = config.listener.Close()
		return nil, fmt.Errorf("creating the broker's folder: %w", err)
	}
	if config.repair {
		if err := repairLogs(config.dir, config.log); err != nil {
			_ = config.listener.Close()
			return nil, err
		}
	}
	journal, gate := &brokerLog{log: config.log, fault: config.fault}, newGate(config.listener)
	options := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("penstock-embedded"),
		kfake.DataDir(config.dir),
		kfake.BrokerConfigs(brokerSettings),
		kfake.WithLogger(journal),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return gate, nil }),
	}
	if config.syncWrites {
		options = append(options, kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		_ = config.listener.Close()
		return nil, fmt.Errorf("starting the broker on %s: %w", config.dir, err)
	}
	closeNotes, err := noteEndings(cluster, config.dir, config.fault)
	if err != nil {
		cluster.Close()
		return nil, err
	}
	if config.restamp != nil {
		newRestamper(cluster, config.restamp, config.now).install()
	}
	gate.open()
	return &broker{addr: config.listener.Addr().String(), cluster: cluster, journal: journal, closeNotes: closeNotes}, nil
}

// close writes everything down. The broker has no other way than its log to say
// that this failed, and then the stop must count as not clean.
func (b *broker) close() error {
	b.journal.closing.Store(true)
	b.cluster.Close()
	err := b.closeNotes()
	if text := b.journal.closeFailure.Load(); text != nil {
		err = errors.Join(err, errors.New(*text))
	}
	return err
}

// brokerLog passes on what the broker logs. The broker reports a failure to
// write its files here and nowhere else.
type brokerLog struct {
	log          *slog.Logger
	fault        func(error)
	closing      atomic.Bool
	closeFailure atomic.Pointer[string]
}

// Logf implements kfake.Logger.
func (l *brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	if level > kfake.LogLevelWarn || strings.Contains(format, " slow") {
		return // what is slow for a broker in memory is nothing that a user could mend
	}
	text := "broker: " + fmt.Sprintf(format, args...)
	switch {
	case level == kfake.LogLevelError && l.closing.Load():
		l.closeFailure.Store(&text)
	case strings.HasPrefix(format, "persist ") || strings.HasPrefix(format, "endTx: failed to persist"):
		l.fault(errors.New(text))
	default:
		l.log.Warn(text)
	}
}
