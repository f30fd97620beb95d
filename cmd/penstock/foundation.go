package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// foundation is what was chosen when a stack's folder was new, and can never change in it.
type foundation struct {
	Shards int32  `json:"shards"`
	Clock  string `json:"clock"`
	// IntakeKey is the secret of role intake.
	IntakeKey []byte `json:"intake_key"`
	// ReferenceLoaded says that the reference data that comes with the stack was loaded; from then on it is the users'.
	ReferenceLoaded bool `json:"reference_loaded"`
}

const intakeKeyBytes = 32

// found reads the folder's foundation, or lays it by the configuration. It sets what the configuration leaves open, and
// refuses what contradicts the folder.
func found(config *upConfig) (foundation, error) {
	path := filepath.Join(config.Dir, stackFoundation)
	text, err := os.ReadFile(path)
	clock := "real"
	if config.Manual {
		clock = "manual"
	}
	if errors.Is(err, os.ErrNotExist) {
		if config.Shards == 0 {
			config.Shards = shardsDefault
		}
		f := foundation{Shards: config.Shards, Clock: clock, IntakeKey: make([]byte, intakeKeyBytes)}
		if _, err := rand.Read(f.IntakeKey); err != nil {
			return f, fmt.Errorf("drawing the secret of intake: %w", err)
		}
		return f, f.write(config.Dir)
	}
	var f foundation
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	switch {
	case err != nil:
		return f, fmt.Errorf("reading %s: %w", path, err)
	case config.Shards != 0 && config.Shards != f.Shards:
		return f, fmt.Errorf("the stack in %s has %d shards, which never change: leave --shards out, or use another --dir", config.Dir, f.Shards)
	case clock != f.Clock:
		return f, fmt.Errorf("the stack in %s runs on the %s clock, which never changes: say --clock %s, or use another --dir", config.Dir, f.Clock, f.Clock)
	}
	config.Shards = f.Shards
	return f, nil
}

func (f foundation) write(dir string) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err == nil {
		err = replaceFile(filepath.Join(dir, stackFoundation), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("writing the stack's foundation: %w", err)
	}
	return nil
}

// replaceFile replaces a file whole, so that a crash leaves the old content or the new.
func replaceFile(path string, content []byte) error {
	draft := path + ".draft"
	if err := os.WriteFile(draft, content, 0o600); err != nil {
		return err
	}
	return os.Rename(draft, path)
}
