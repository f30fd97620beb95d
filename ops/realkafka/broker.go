package realkafka

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/ops/child"
)

// startsMax bounds how often Start tries again with other ports, when another process took one in between.
const startsMax = 3

// heapDefaultMB is enough for the test suites and leaves room for them on a small machine.
const heapDefaultMB = 512

// Options say how a broker runs. The zero value is a good one.
type Options struct {
	// Dir holds the data and the log of the broker. Empty: a new temporary folder, removed by Stop.
	Dir string
	// HeapMB is the size of the Java heap in MiB. Zero: 512.
	HeapMB int
	// Properties are added to the broker's configuration and win over what Start sets.
	Properties map[string]string
}

// Broker is one Apache Kafka process: broker and controller in one.
type Broker struct {
	installed installed
	options   Options
	dir       string
	addr      string
	process   *child.Process
}

// Start starts a broker and returns when it answers; ctx bounds the start only. The error wraps ErrUnavailable when this
// machine has no Java, or no Maven that can fetch the jars.
func Start(ctx context.Context, options Options) (*Broker, error) {
	installed, err := install(ctx)
	if err != nil {
		return nil, err
	}
	if options.HeapMB == 0 {
		options.HeapMB = heapDefaultMB
	}
	for try := 1; ; try++ {
		b := &Broker{installed: installed, options: options}
		err := b.create(ctx)
		if err == nil {
			return b, nil
		}
		if try == startsMax || !errors.Is(err, child.ErrEnded) {
			return nil, fmt.Errorf("starting Apache Kafka %s: %w", Version, err)
		}
	}
}

// Addr is the bootstrap address, host and port. It stays the same over restarts.
func (b *Broker) Addr() string { return b.addr }

// LogPath is the file with everything the broker printed, over all its restarts.
func (b *Broker) LogPath() string { return filepath.Join(b.dir, "broker.log") }

// Kill ends the broker without warning (SIGKILL), as a crash would. The data stays.
func (b *Broker) Kill() error {
	if err := b.process.Kill(); err != nil {
		return fmt.Errorf("killing the broker: %w", err)
	}
	return nil
}

// Pause freezes the broker: connections stay open, and nothing answers, until Resume.
func (b *Broker) Pause() error {
	if err := b.process.Signal(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("pausing the broker: %w", err)
	}
	return nil
}

// Resume lets a paused broker go on.
func (b *Broker) Resume() error {
	if err := b.process.Signal(syscall.SIGCONT); err != nil {
		return fmt.Errorf("resuming the broker: %w", err)
	}
	return nil
}

// Restart starts a killed broker again on the same data and address and returns when it answers.
func (b *Broker) Restart(ctx context.Context) error {
	if err := b.run(ctx); err != nil {
		return fmt.Errorf("restarting the broker: %w", err)
	}
	return nil
}

// Stop shuts the broker down, and removes its folder if Start made it.
func (b *Broker) Stop() error {
	if err := b.process.Stop(); err != nil {
		return fmt.Errorf("stopping the broker: %w", err)
	}
	if b.options.Dir != "" {
		return nil
	}
	return os.RemoveAll(b.dir)
}

// create makes the folder, chooses the ports, formats the storage and runs the broker.
func (b *Broker) create(ctx context.Context) error {
	var err error
	if b.dir, err = folder(b.options.Dir); err != nil {
		return err
	}
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	b.addr = ports[0]
	properties := b.properties(ports[0], ports[1])
	if err := os.WriteFile(b.propertiesPath(), []byte(properties), 0o644); err != nil {
		return fmt.Errorf("writing the broker's configuration: %w", err)
	}
	if err := b.format(ctx); err != nil {
		return err
	}
	return b.run(ctx)
}

// format prepares an empty data folder. One that a former broker left is used as it is.
func (b *Broker) format(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(b.dir, "data", "meta.properties")); err == nil {
		return nil
	}
	cmd := exec.CommandContext(ctx, b.installed.java, "-Xmx256m", "-cp", b.installed.classPath(), "kafka.tools.StorageTool",
		"format", "-t", clusterID(), "-c", b.propertiesPath())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("formatting the broker's storage: %w\n%s", err, out)
	}
	return nil
}

func (b *Broker) propertiesPath() string { return filepath.Join(b.dir, "server.properties") }

// run starts the process and waits until the cluster has a broker to offer.
func (b *Broker) run(ctx context.Context) error {
	process, err := child.Start(b.LogPath(), nil, b.installed.java, fmt.Sprintf("-Xmx%dm", b.options.HeapMB),
		"-Dlog4j2.configurationFile="+b.installed.logging(), "-cp", b.installed.classPath(), "kafka.Kafka", b.propertiesPath())
	if err != nil {
		return err
	}
	b.process = process
	if err := process.Await(ctx, b.answers); err != nil {
		return errors.Join(fmt.Errorf("%w; see %s", err, b.LogPath()), process.Kill())
	}
	return nil
}

// answers asks for the brokers. A port that is open proves nothing: after a crash the controller fences the broker until it
// has registered anew, and metadata lists it only then.
func (b *Broker) answers(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.RequestRetries(0))
	if err != nil {
		return err
	}
	defer client.Close()
	metadata, err := kadm.NewClient(client).BrokerMetadata(ctx)
	if err != nil {
		return err
	}
	if len(metadata.Brokers) == 0 {
		return errors.New("no broker has registered yet")
	}
	return nil
}

// folder returns dir, or a new temporary one when it is empty. The path is kept short: it shows in every log line.
func folder(dir string) (string, error) {
	if dir == "" {
		dir, err := os.MkdirTemp("", "penstock-kafka-")
		if err != nil {
			return "", fmt.Errorf("making the broker's folder: %w", err)
		}
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the broker's folder: %w", err)
	}
	return filepath.Abs(dir)
}

// freePorts finds n loopback addresses that nothing listens on. Another process may take one before the broker does, which
// is why Start tries again.
func freePorts(n int) ([]string, error) {
	var found []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("finding a free port: %w", err)
		}
		defer listener.Close() // held until all are found, so that each is another one
		found = append(found, listener.Addr().String())
	}
	return found, nil
}

// clusterID is a random id in the form that Kafka wants. Its first bit is zero, so that it never begins with a hyphen, which
// the storage tool would read as an option.
func clusterID() string {
	id := uuid.New()
	id[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(id[:])
}
