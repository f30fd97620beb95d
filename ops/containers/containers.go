// Package containers runs Apache Kafka, a schema registry and Postgres from their images beside the tests that ask for them, where a Docker
// engine answers. Where none does, a test skips with a reason, and the test runner counts such tests: a suite that does not run never
// looks like one that passes.
//
//	host            port that the engine chose -> kafka:9092
//	network         registry -> kafka:19092
package containers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"
)

// The images are those of docker-compose.yml.
const (
	imageKafka    = "apache/kafka:4.1.0"
	imageRegistry = "confluentinc/cp-schema-registry:7.9.1"
	imagePostgres = "postgres:17.5"
)

const (
	// startMax bounds the start of all containers, with the first download of their images.
	startMax = 10 * time.Minute
	// engineMax bounds the question whether an engine is there.
	engineMax = 10 * time.Second
)

// Variable set to must fails a test that finds no Docker engine, for machines that promise one.
const Variable = "PENSTOCK_CONTAINERS"

// Stack is where the containers answer.
type Stack struct {
	// Kafka is host:port of the broker, Registry the base URL, Postgres the address of an empty database, for a superuser.
	Kafka, Registry, Postgres string
}

// ForTest runs the three for one test. It skips the test where no Docker engine answers.
func ForTest(t *testing.T) *Stack {
	t.Helper()
	Require(t)
	ctx, cancel := context.WithTimeout(t.Context(), startMax)
	defer cancel()
	between, err := network.New(ctx)
	if err != nil {
		t.Fatalf("making a network: %v", err)
	}
	t.Cleanup(func() {
		if err := between.Remove(context.Background()); err != nil {
			t.Errorf("removing the network: %v", err)
		}
	})
	s := &Stack{}
	kafka := run(ctx, t, kafkaRequest(between.Name))
	s.Kafka = endpoint(ctx, t, kafka, "9092/tcp", "")
	s.Registry = endpoint(ctx, t, run(ctx, t, registryRequest(between.Name)), "8081/tcp", "http")
	s.Postgres = fmt.Sprintf("postgres://penstock:penstock@%s/penstock?sslmode=disable", endpoint(ctx, t, run(ctx, t, postgresRequest()), "5432/tcp", ""))
	return s
}

// Require skips the test where no Docker engine answers, or fails it where one is promised. Call it before any work.
func Require(t *testing.T) {
	t.Helper()
	err := engine(t.Context())
	switch {
	case err == nil:
	case os.Getenv(Variable) == "must":
		t.Fatalf("no Docker engine answers: %v", err)
	default:
		t.Skip("SKIPPED containers: no Docker engine answers")
	}
}

// engine says why no Docker engine can be used. The library panics where it finds no trace of one.
func engine(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("looking for the engine: %v", r)
		}
	}()
	provider, err := testcontainers.ProviderDefault.GetProvider()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, engineMax)
	defer cancel()
	return errors.Join(provider.Health(ctx), provider.Close())
}

func run(ctx context.Context, t *testing.T, request testcontainers.ContainerRequest) testcontainers.Container {
	t.Helper()
	container, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{ContainerRequest: request, Started: true})
	testcontainers.CleanupContainer(t, container)
	if err != nil {
		t.Fatalf("starting %s: %v", request.Image, err)
	}
	return container
}

func endpoint(ctx context.Context, t *testing.T, container testcontainers.Container, port, protocol string) string {
	t.Helper()
	address, err := container.PortEndpoint(ctx, port, protocol)
	if err != nil {
		t.Fatalf("asking for the address of port %s: %v", port, err)
	}
	return address
}

// startScript is what the broker's container waits for: clients connect to the address that the broker tells them, and that is known only
// when the container runs.
const startScript = "/tmp/start.sh"

func kafkaRequest(network string) testcontainers.ContainerRequest {
	return testcontainers.ContainerRequest{
		Image: imageKafka, ExposedPorts: []string{"9092/tcp"},
		Networks: []string{network}, NetworkAliases: map[string][]string{network: {"kafka"}},
		Env: map[string]string{
			"KAFKA_NODE_ID": "1", "KAFKA_PROCESS_ROLES": "broker,controller", "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
			"KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER", "KAFKA_INTER_BROKER_LISTENER_NAME": "INTERNAL",
			"KAFKA_LISTENERS":                        "HOST://:9092,CONTROLLER://:9093,INTERNAL://:19092",
			"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP":   "HOST:PLAINTEXT,CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT",
			"KAFKA_AUTO_CREATE_TOPICS_ENABLE":        "false",
			"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1", "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
			"KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1", "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
			"KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
		},
		Entrypoint: []string{"sh", "-c", "while [ ! -f " + startScript + " ]; do sleep 0.1; done; exec bash " + startScript},
		LifecycleHooks: []testcontainers.ContainerLifecycleHooks{{
			PostStarts: []testcontainers.ContainerHook{advertise, awaitKafka},
		}},
	}
}

// advertise tells the broker the address by which the host reaches it, and lets it start.
func advertise(ctx context.Context, container testcontainers.Container) error {
	address, err := container.PortEndpoint(ctx, "9092/tcp", "")
	if err != nil {
		return err
	}
	text := "export KAFKA_ADVERTISED_LISTENERS=HOST://" + address + ",INTERNAL://kafka:19092\nexec /etc/kafka/docker/run\n"
	return container.CopyToContainer(ctx, []byte(text), startScript, 0o755)
}

func awaitKafka(ctx context.Context, container testcontainers.Container) error {
	return wait.ForLog("Kafka Server started").WithStartupTimeout(startMax).WaitUntilReady(ctx, container)
}

func registryRequest(network string) testcontainers.ContainerRequest {
	return testcontainers.ContainerRequest{
		Image: imageRegistry, ExposedPorts: []string{"8081/tcp"}, Networks: []string{network},
		Env: map[string]string{
			"SCHEMA_REGISTRY_HOST_NAME": "registry", "SCHEMA_REGISTRY_LISTENERS": "http://0.0.0.0:8081",
			"SCHEMA_REGISTRY_KAFKASTORE_BOOTSTRAP_SERVERS":        "PLAINTEXT://kafka:19092",
			"SCHEMA_REGISTRY_KAFKASTORE_TOPIC_REPLICATION_FACTOR": "1",
		},
		WaitingFor: wait.ForHTTP("/subjects").WithPort("8081/tcp"),
	}
}

func postgresRequest() testcontainers.ContainerRequest {
	return testcontainers.ContainerRequest{
		Image: imagePostgres, ExposedPorts: []string{"5432/tcp"},
		Env: map[string]string{"POSTGRES_USER": "penstock", "POSTGRES_PASSWORD": "penstock", "POSTGRES_DB": "penstock"},
		// The first start is that of the initialization.
		WaitingFor: wait.ForLog("database system is ready to accept connections").WithOccurrence(2),
	}
}
