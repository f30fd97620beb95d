package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// dirDefault is where the embedded stack lives unless told otherwise.
const dirDefault = ".penstock"

// endpointsFile is the file in the stack's folder that says where it answers.
const endpointsFile = "endpoints.json"

// endpoints say where a running stack answers. The JSON form is an interface: scripts read it.
type endpoints struct {
	Kafka    string `json:"kafka"`
	Registry string `json:"registry"`
	Postgres string `json:"postgres"`
	HTTP     string `json:"http"`
	// Clock is real or manual, Shards the number of shards of pots, PID the process.
	Clock  string `json:"clock"`
	Shards int32  `json:"shards"`
	PID    int    `json:"pid"`
}

// write leaves the endpoints for other commands to find. They are left behind by a kill, so whoever reads them may find
// nobody there; the error then says so.
func (e endpoints) write(dir string) error {
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, endpointsFile), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing where the stack answers: %w", err)
	}
	return nil
}

// readEndpoints returns where the stack in dir answers, and false where none has run there.
func readEndpoints(dir string) (endpoints, bool, error) {
	path := filepath.Join(dir, endpointsFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return endpoints{}, false, nil
	}
	var e endpoints
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		return endpoints{}, false, fmt.Errorf("reading %s: %w", path, err)
	}
	return e, true, nil
}
