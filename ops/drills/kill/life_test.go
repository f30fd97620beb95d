package kill

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// readyMax bounds a start of the binary: after a kill Postgres recovers first.
const readyMax = 5 * time.Minute

// life runs the binary on one folder, over any number of its deaths.
type life struct {
	t           *testing.T
	binary, dir string
	behaviour   string
	// killed counts the kills, hit those under which a step had to be done again.
	killed, hit int

	command *exec.Cmd
	ready   chan struct{}
	gone    chan struct{}
	// written is what the binary last wrote, for a failure's sake.
	mutex   sync.Mutex
	written []string
}

// linesMax bounds what is kept of the binary's output.
const linesMax = 60

// launch starts the binary without waiting for anything.
func (l *life) launch() {
	l.t.Helper()
	arguments := []string{"up", "--dir", l.dir, "--shards", "4", "--custodian-behaviour", l.behaviour}
	l.command = exec.Command(l.binary, arguments...)
	out, err := l.command.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	l.command.Stderr = l.command.Stdout
	if err := l.command.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.ready, l.gone = make(chan struct{}), make(chan struct{})
	go l.follow(l.command, out, l.ready, l.gone)
}

func (l *life) follow(command *exec.Cmd, out io.Reader, ready, gone chan struct{}) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		l.mutex.Lock()
		l.written = append(l.written, lines.Text())
		if len(l.written) > linesMax {
			l.written = l.written[1:]
		}
		l.mutex.Unlock()
		if lines.Text() == "ready" {
			close(ready)
		}
	}
	_ = command.Wait()
	close(gone)
}

// start starts the binary and waits until it is ready.
func (l *life) start() {
	l.t.Helper()
	l.launch()
	select {
	case <-l.ready:
	case <-l.gone:
		l.t.Fatalf("the binary ended while starting:\n%s", l.said())
	case <-time.After(readyMax):
		l.t.Fatalf("the binary is not ready:\n%s", l.said())
	}
}

func (l *life) said() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return strings.Join(l.written, "\n")
}

// kill ends the binary as a power cut would, and waits until it is gone.
func (l *life) kill() {
	_ = l.command.Process.Kill()
	<-l.gone
}

// stop asks the binary to end, and wants it to do so cleanly.
func (l *life) stop() {
	l.t.Helper()
	if err := l.command.Process.Signal(os.Interrupt); err != nil {
		l.t.Errorf("interrupting the binary: %v", err)
	}
	<-l.gone
	if !l.command.ProcessState.Success() {
		l.t.Errorf("the binary ended with %s:\n%s", l.command.ProcessState, l.said())
	}
}

// places say where the stack answers.
type places struct {
	Kafka, Registry, Postgres, HTTP string
}

func (l *life) places() (places, error) {
	text, err := os.ReadFile(filepath.Join(l.dir, "endpoints.json"))
	if err != nil {
		return places{}, err
	}
	var p places
	return p, json.Unmarshal(text, &p)
}

// client connects to the present life.
func (l *life) client(ctx context.Context) (*feed.Producer, *feed.Registry, error) {
	p, err := l.places()
	if err != nil {
		return nil, nil, err
	}
	connection := feed.Connection{Brokers: []string{p.Kafka}, Registry: feed.RegistryAddress{URL: p.Registry}}
	registry, err := feed.NewRegistry(connection.Registry, feed.RegistryOptions{Log: slog.New(slog.DiscardHandler), ReadOnly: true})
	if err != nil {
		return nil, nil, err
	}
	if err := registry.Register(ctx, ingestTopic()); err != nil {
		return nil, nil, err
	}
	producer, err := feed.NewProducer(connection)
	return producer, registry, err
}

// ask sends a request to the stack.
func (l *life) ask(ctx context.Context, method, path string, body, into any) error {
	p, err := l.places()
	if err != nil {
		return err
	}
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, p.HTTP+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	return json.Unmarshal(answer, into)
}

// closeDay closes a day, and says how many trades are under way after it.
func (l *life) closeDay(ctx context.Context, date string) (int, error) {
	var closed roles.ClosedDay
	if err := l.ask(ctx, http.MethodPost, "/clock/close", roles.CloseRequest{Date: date}, &closed); err != nil {
		return 0, err
	}
	var status roles.DayStatus
	if err := l.ask(ctx, http.MethodGet, "/day", nil, &status); err != nil {
		return 0, err
	}
	return len(status.Trades), nil
}

// build makes the binary.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "penstock")
	command := exec.Command("go", "build", "-o", binary, "github.com/penstock-ledger/penstock/cmd/penstock")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("building the binary: %v\n%s", err, out)
	}
	return binary
}

// errKilled says that a step's stack was killed under it.
var errKilled = errors.New("killed")
