package roles

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// ErrBackwards says that a simulated clock was asked to run backwards.
var ErrBackwards = errors.New("the clock never runs backwards")

// Manual is a simulated clock: it stands still until it is moved forward. Its time is kept in a file, so that it goes on
// where it stopped.
type Manual struct {
	path  string
	mutex sync.Mutex
	now   time.Time
}

// OpenManual opens the clock that is kept at path; a new one begins at start.
func OpenManual(path string, start time.Time) (*Manual, error) {
	m := &Manual{path: path}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return m, m.Advance(start)
	}
	if err == nil {
		m.now, err = time.Parse(time.RFC3339Nano, strings.TrimSpace(string(text)))
	}
	if err != nil {
		return nil, fmt.Errorf("reading the simulated clock: %w", err)
	}
	return m, nil
}

// Now returns the simulated time, in UTC and whole milliseconds.
func (m *Manual) Now() time.Time {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.now
}

// Advance moves the clock to the given time, or not at all where that has come already. The file is written first: whoever
// was shown a time finds it again after a crash. It fails with ErrBackwards.
func (m *Manual) Advance(to time.Time) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	to = to.UTC().Truncate(time.Millisecond)
	if to.Before(m.now) {
		return fmt.Errorf("%w: it is %s, later than %s", ErrBackwards, m.now.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	if err := writeFile(m.path, []byte(to.Format(time.RFC3339Nano)+"\n")); err != nil {
		return fmt.Errorf("keeping the simulated clock: %w", err)
	}
	m.now = to
	return nil
}

// writeFile replaces a file whole, so that a crash leaves the old content or the new.
func writeFile(path string, content []byte) error {
	draft, err := os.CreateTemp(filepath.Dir(path), ".draft-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	_, err = draft.Write(content)
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	return os.Rename(draft.Name(), path)
}
