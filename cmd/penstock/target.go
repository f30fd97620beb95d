package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// target is the stack that a command talks to: that of --dir, unless a flag, the environment or a configuration file names
// another.
type target struct {
	dir, config             string
	brokers, registry, http string
	postgres                string
}

// The environment variables that name a stack; `penstock run` reads the same.
const (
	envBrokers  = "PENSTOCK_BROKERS"
	envRegistry = "PENSTOCK_REGISTRY_URL"
	envPostgres = "PENSTOCK_POSTGRES_URL"
	envConfig   = "PENSTOCK_CONFIG"
	envAPI      = "PENSTOCK_API_URL"
	envMetrics  = "PENSTOCK_METRICS_ADDR"
)

func (t *target) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.dir, "dir", dirDefault, "folder of the running stack (penstock up)")
	f.StringVar(&t.config, "config", os.Getenv(envConfig), "configuration file of a cluster, as for penstock run")
	f.StringVar(&t.brokers, "brokers", os.Getenv(envBrokers), "brokers, host:port with commas between (default: those of --dir)")
	f.StringVar(&t.registry, "registry", os.Getenv(envRegistry), "URL of the schema registry (default: that of --dir)")
	f.StringVar(&t.postgres, "postgres", os.Getenv(envPostgres), "URL of the ledger's database (default: that of --dir)")
	f.StringVar(&t.http, "api", apiFromEnvironment(), "URL of an instance (default: that of --dir)")
	// The environment's values are no defaults to be shown: they would leak into the reference and differ by machine.
	for _, name := range []string{"config", "brokers", "registry", "postgres", "api"} {
		f.Lookup(name).DefValue = ""
	}
}

func apiFromEnvironment() string {
	if url := os.Getenv(envAPI); url != "" {
		return url
	}
	if address := os.Getenv(envMetrics); address != "" {
		if strings.HasPrefix(address, ":") {
			address = "127.0.0.1" + address
		}
		return "http://" + address
	}
	return ""
}

// endpoints returns where the stack in --dir answers.
func (t *target) endpoints() (endpoints, error) {
	e, ok, err := readEndpoints(t.dir)
	if err == nil && !ok {
		err = fmt.Errorf("no stack has run in %s: start one with penstock up, name its folder with --dir, or name a cluster with --brokers, --registry, --postgres and --api", t.dir)
	}
	return e, err
}

// connection returns how to reach the brokers and the registry, once it has seen that both answer: a person at a terminal must not
// wait for ever for a stack that was stopped.
func (t *target) connection(ctx context.Context) (feed.Connection, error) {
	connection, err := t.named()
	if err != nil {
		return connection, err
	}
	registries, err := hostsOf(connection.Registry.URL)
	if err != nil {
		return connection, err
	}
	return connection, errors.Join(reach(ctx, "the brokers", connection.Brokers), reach(ctx, "the schema registry", registries))
}

// named returns how to reach what flags, environment, configuration file or folder name, in this order.
func (t *target) named() (feed.Connection, error) {
	if t.config != "" {
		c, err := readConfig(t.config)
		if err != nil {
			return c.Connection, err
		}
		return t.cluster(&c)
	}
	connection := feed.Connection{Registry: feed.RegistryAddress{URL: t.registry}}
	if t.brokers != "" {
		connection.Brokers = strings.Split(t.brokers, ",")
	}
	if t.brokers == "" || t.registry == "" {
		e, err := t.endpoints()
		if err != nil {
			return connection, err
		}
		if t.brokers == "" {
			connection.Brokers = []string{e.Kafka}
		}
		if t.registry == "" {
			connection.Registry.URL = e.Registry
		}
	}
	return connection, connection.Validate()
}

// cluster returns how to reach a cluster that must be named: a role never runs against whatever happens to be near.
func (t *target) cluster(file *fileConfig) (feed.Connection, error) {
	connection := file.Connection
	if t.brokers != "" {
		connection.Brokers = strings.Split(t.brokers, ",")
	}
	if t.registry != "" {
		connection.Registry.URL = t.registry
	}
	if len(connection.Brokers) == 0 || connection.Registry.URL == "" {
		return connection, fmt.Errorf("no cluster is named; say --brokers and --registry, or set %s and %s, or write a configuration file", envBrokers, envRegistry)
	}
	return connection, connection.Validate()
}

// registryOf makes the registry's client with all topics known, without registering any.
func (t *target) registryOf(ctx context.Context, connection feed.Connection) (*feed.Registry, error) {
	registry, err := openRegistry(connection)
	if err != nil {
		return nil, err
	}
	if err := registry.Register(ctx, schemaTopics()); err != nil {
		return nil, err
	}
	return registry, nil
}

// openRegistry connects the registry for reading; it knows no topic yet.
func openRegistry(connection feed.Connection) (*feed.Registry, error) {
	return feed.NewRegistry(connection.Registry, feed.RegistryOptions{Log: warnings(), ReadOnly: true})
}

// api returns the base URL of the instance to ask.
func (t *target) api() (string, error) {
	if t.http != "" {
		return strings.TrimSuffix(t.http, "/"), nil
	}
	e, err := t.endpoints()
	return e.HTTP, err
}

const (
	// answerBytesMax bounds an instance's answer.
	answerBytesMax = 256 << 20
	// answerTimeMax bounds the wait for one; closing a day may take minutes.
	answerTimeMax = 15 * time.Minute
)

// get asks the instance for a page.
func (t *target) get(ctx context.Context, path string, into any) error {
	return t.ask(ctx, http.MethodGet, path, nil, into)
}

// ask sends a request to the instance and reads its answer.
func (t *target) ask(ctx context.Context, method, path string, body, into any) error {
	base, err := t.api()
	if err != nil {
		return err
	}
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(text)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeMax)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, base+path, sent)
	if err != nil {
		return fmt.Errorf("asking %s: %w", base, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking %s: %w; does the stack run?", base, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax))
	if err != nil {
		return fmt.Errorf("reading the answer of %s: %w", base, err)
	}
	if response.StatusCode != http.StatusOK {
		var failure roles.Failure
		if json.Unmarshal(text, &failure) == nil && failure.Error != "" {
			return errors.New(failure.Error)
		}
		return fmt.Errorf("%s%s answered %s", base, path, response.Status)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", base, err)
	}
	return nil
}
