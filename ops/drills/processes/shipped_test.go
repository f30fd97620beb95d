package processes

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// command is what runs a life of the member, which is the victim of a script or the shipped program; the crew is locked.
func (m *member) command() (arguments []string, err error) {
	if !m.crew.shipped {
		return []string{"run", m.crew.path(m.name, ".json")}, nil
	}
	config := m.crew.path(m.name, ".yaml")
	if err := m.configure(config); err != nil {
		return nil, fmt.Errorf("configuring %s: %w", m.name, err)
	}
	return append([]string{"run", "--config", config, "--simulated-time"}, m.roles...), nil
}

// configure writes the configuration file of an instance, in the part of YAML that is JSON, and files of its own that it names: others may begin at the same moment.
func (m *member) configure(path string) error {
	c := m.crew
	key, behaviour := c.path(m.name, ".key"), c.path(m.name, ".custodians.yaml")
	text, err := json.Marshal(map[string]any{
		"kafka":    map[string]any{"brokers": c.base.Brokers, "clientId": m.clientID(), "registry": map[string]any{"url": c.base.Registry}},
		"postgres": c.base.Postgres, "shards": c.base.Shards, "replication": 1, "minInSync": 1, "name": m.name, "stateDir": c.path(m.name, ".state"),
		"intakeKeyFile": key, "custodianBehaviour": behaviour, "sessionTimeout": c.base.Session.String(), "metricsAddr": "127.0.0.1:0",
	})
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(path, text, 0o600), os.WriteFile(key, []byte(c.base.IntakeKey), 0o600), os.WriteFile(behaviour, []byte(c.base.Behaviour), 0o600))
}

// clientID is what brokers know the present life by. Victims name themselves after their process; the shipped program is told before it has one.
func (m *member) clientID() string {
	if m.crew.shipped {
		return fmt.Sprintf("%s.life%d", m.name, m.lives)
	}
	return fmt.Sprintf("%s.%d", m.name, m.process.Pid())
}
