package embedded

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// registryLogMax bounds the file in bytes: a client that registers without end
// is stopped before it fills the disk.
const registryLogMax = 256 << 20

// registryChange is a request that alters the registry.
type registryChange struct {
	Method string `json:"method"`
	URI    string `json:"uri"`
	Body   string `json:"body,omitempty"`
}

// registryLine is a change with what it came to. The outcome is there to be
// compared: if a later version of the registry numbered schemas in another way, the
// start must fail, and not hand out wrong ids.
type registryLine struct {
	registryChange
	Status int `json:"status"`
	ID     int `json:"id,omitempty"`
}

// alters tells changes from questions. Of the POSTs only the one that registers
// a schema is a change; the others look schemas up or compare them.
func (c registryChange) alters() bool {
	switch c.Method {
	case http.MethodPut, http.MethodDelete:
		return true
	case http.MethodPost:
		return c.registers()
	default:
		return false
	}
}

func (c registryChange) registers() bool {
	path, _, _ := strings.Cut(c.URI, "?")
	return c.Method == http.MethodPost && strings.HasSuffix(path, "/versions") && !strings.HasPrefix(path, "/compatibility/")
}

func (c registryChange) apply(schemas http.Handler) (*registryAnswer, error) {
	request, err := http.NewRequest(c.Method, c.URI, strings.NewReader(c.Body))
	if err != nil {
		return nil, fmt.Errorf("reading the request %s %s: %w", c.Method, c.URI, err)
	}
	answer := &registryAnswer{header: http.Header{}, status: http.StatusOK}
	schemas.ServeHTTP(answer, request)
	return answer, nil
}

// registryAnswer holds an answer back until its change is on the disk.
type registryAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *registryAnswer) Header() http.Header            { return a.header }
func (a *registryAnswer) WriteHeader(status int)         { a.status = status }
func (a *registryAnswer) Write(text []byte) (int, error) { return a.body.Write(text) }

func (a *registryAnswer) writeTo(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) // the client may have gone
}

// id is the schema id in the answer, 0 if it has none.
func (a *registryAnswer) id() int {
	var named struct {
		ID int `json:"id"`
	}
	_ = json.Unmarshal(a.body.Bytes(), &named) // some answers are lists
	return named.ID
}

// registryLog is the file of changes.
type registryLog struct {
	file  *os.File
	bytes int64
	// repeated has the registrations that changed nothing when they are made
	// again. Every client registers its schemas each time it starts; without this
	// the file would grow by that much.
	repeated map[registryChange]bool
}

// openRegistryLog makes all changes of the file again and opens it for more.
func openRegistryLog(path string, schemas http.Handler) (*registryLog, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening its file: %w", err)
	}
	log := &registryLog{file: file, repeated: map[registryChange]bool{}}
	if err := errors.Join(log.replay(schemas), syncDir(filepath.Dir(path))); err != nil {
		_ = file.Close()
		return nil, err
	}
	return log, nil
}

// replay drops a last line without an end: it was being written when the process
// was killed, so nobody was told of it.
func (l *registryLog) replay(schemas http.Handler) error {
	lines := bufio.NewReader(l.file)
	for number := 1; ; number++ {
		text, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", l.file.Name(), err)
		}
		if err := l.replayLine(text, schemas); err != nil {
			return fmt.Errorf("%s, line %d: %w", l.file.Name(), number, err)
		}
		l.bytes += int64(len(text))
	}
	if err := l.file.Truncate(l.bytes); err != nil {
		return fmt.Errorf("dropping an unfinished line of %s: %w", l.file.Name(), err)
	}
	return nil
}

func (l *registryLog) replayLine(text []byte, schemas http.Handler) error {
	var line registryLine
	if err := json.Unmarshal(text, &line); err != nil {
		return fmt.Errorf("reading a change: %w", err)
	}
	answer, err := line.apply(schemas)
	if err != nil {
		return err
	}
	if answer.status != line.Status || answer.id() != line.ID {
		return fmt.Errorf("%s %s gave status %d and id %d, and now gives %d and %d: this version of Penstock can't read the folder",
			line.Method, line.URI, line.Status, line.ID, answer.status, answer.id())
	}
	l.remember(line.registryChange, answer)
	return nil
}

// append writes a change down and returns once it is on the disk.
func (l *registryLog) append(change registryChange, answer *registryAnswer) error {
	if l.repeated[change] {
		return nil
	}
	text, err := json.Marshal(registryLine{registryChange: change, Status: answer.status, ID: answer.id()})
	if err != nil {
		return fmt.Errorf("writing a change: %w", err)
	}
	text = append(text, '\n')
	if l.bytes+int64(len(text)) > registryLogMax {
		return fmt.Errorf("%s has reached its limit of %d bytes", l.file.Name(), registryLogMax)
	}
	if _, err := l.file.WriteAt(text, l.bytes); err != nil {
		return fmt.Errorf("writing a change: %w", err)
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("flushing a change: %w", err)
	}
	l.bytes += int64(len(text))
	l.remember(change, answer)
	return nil
}

// remember keeps accepted registrations until something is deleted or set, which
// may give the same registration another outcome.
func (l *registryLog) remember(change registryChange, answer *registryAnswer) {
	if !change.registers() {
		clear(l.repeated)
		return
	}
	if answer.status == http.StatusOK {
		l.repeated[change] = true
	}
}

func (l *registryLog) close() error { return l.file.Close() }
