package feed

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

const (
	schemaOurs   = `{"type":"record","name":"Order","fields":[{"name":"pot","type":"string"}]}`
	schemaOlder  = `{"type":"record","name":"Order","fields":[{"name":"pot","type":"string"},{"name":"note","type":"string"}]}`
	schemaForein = `{"type":"record","name":"Order","fields":[{"name":"pot","type":"long"}]}`
)

func orders() streams.Topic {
	return streams.Topic{Name: "ingest.order.v1", Schema: schemaOurs, RecordBytesMax: 1 << 16, Stamped: true}
}

// resolveForTests turns payloads of schemaOlder to upper case, refuses payloads "bad", and refuses all other schemas.
func resolveForTests(writer, reader string) (func([]byte) ([]byte, error), error) {
	if reader != schemaOurs {
		return nil, fmt.Errorf("unexpected reader schema %s", reader)
	}
	if writer != schemaOlder {
		return nil, errors.New("pot: long is not string")
	}
	return func(payload []byte) ([]byte, error) {
		if string(payload) == "bad" {
			return nil, errors.New("truncated")
		}
		return []byte(strings.ToUpper(string(payload))), nil
	}, nil
}

type registryFixture struct {
	*Registry
	fake *srfake.Registry
	// asked counts the requests for schemas by id; away makes the server answer 503 to everything.
	asked atomic.Int64
	away  atomic.Bool
}

func newRegistry(t *testing.T, options RegistryOptions) *registryFixture {
	t.Helper()
	fixture := &registryFixture{fake: srfake.New()}
	t.Cleanup(fixture.fake.Close)
	fixture.fake.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if fixture.away.Load() {
			http.Error(w, "nobody home", http.StatusServiceUnavailable)
			return true
		}
		if strings.HasPrefix(r.URL.Path, "/schemas/ids/") {
			fixture.asked.Add(1)
		}
		return false
	})
	if options.Resolve == nil {
		options.Resolve = resolveForTests
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	registry, err := NewRegistry(RegistryAddress{URL: fixture.fake.URL()}, options)
	if err != nil {
		t.Fatal(err)
	}
	registry.pace = pace{first: time.Millisecond, longest: 2 * time.Millisecond}
	fixture.Registry = registry
	return fixture
}

func (f *registryFixture) register(t *testing.T) {
	t.Helper()
	if err := f.Register(t.Context(), []streams.Topic{orders()}); err != nil {
		t.Fatal(err)
	}
}

// seed puts a schema into the registry as another team would, and returns its id.
func (f *registryFixture) seed(t *testing.T, subject, schema string) uint32 {
	t.Helper()
	id, _, err := f.fake.RegisterSchema(subject, sr.Schema{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	return uint32(id)
}

func framedBy(id uint32, payload string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, id), payload...)
}

func TestOwnFrameComesBackWithoutACopy(t *testing.T) {
	registry := newRegistry(t, RegistryOptions{})
	registry.register(t)
	framed := append(registry.Frame("ingest.order.v1", nil), "payload"...)
	payload, err := registry.Unframe(t.Context(), "ingest.order.v1", framed)
	if err != nil || string(payload) != "payload" {
		t.Fatalf("got %q, %v", payload, err)
	}
	if &payload[0] != &framed[frameLength] {
		t.Error("the payload was copied")
	}
	id, ok := registry.ID("ingest.order.v1")
	if !ok || !strings.HasPrefix(string(framed), string(framedBy(id, ""))) {
		t.Errorf("frame % x does not carry id %d", framed, id)
	}
	if registry.asked.Load() != 0 {
		t.Error("our own schema was asked for")
	}
}

func TestRegisteringAgainKeepsTheIds(t *testing.T) {
	registry := newRegistry(t, RegistryOptions{})
	registry.register(t)
	before, _ := registry.ID("ingest.order.v1")
	registry.seed(t, "other-value", schemaOlder)
	again, err := NewRegistry(RegistryAddress{URL: registry.fake.URL()},
		RegistryOptions{Resolve: resolveForTests, Log: slog.New(slog.DiscardHandler), ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Register(t.Context(), []streams.Topic{orders()}); err != nil {
		t.Fatal(err)
	}
	if after, _ := again.ID("ingest.order.v1"); after != before {
		t.Errorf("id was %d and became %d", before, after)
	}
}

func TestReadOnlyRegistryNamesTheCommandThatRegisters(t *testing.T) {
	registry := newRegistry(t, RegistryOptions{ReadOnly: true})
	err := registry.Register(t.Context(), []streams.Topic{orders()})
	if err == nil || !strings.Contains(err.Error(), "penstock schemas register --execute") {
		t.Fatalf("got %v", err)
	}
	if registry.fake.SubjectExists("ingest.order.v1-value") {
		t.Error("it registered all the same")
	}
}

func TestForeignSchemaIsConvertedAndAskedForOnce(t *testing.T) {
	registry := newRegistry(t, RegistryOptions{})
	registry.register(t)
	id := registry.seed(t, "ingest.order.v1-value", schemaOlder)
	for range 3 {
		payload, err := registry.Unframe(t.Context(), "ingest.order.v1", framedBy(id, "payload"))
		if err != nil || string(payload) != "PAYLOAD" {
			t.Fatalf("got %q, %v", payload, err)
		}
	}
	if asked := registry.asked.Load(); asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestUnreadableValuesGetTheirCode(t *testing.T) {
	registry := newRegistry(t, RegistryOptions{})
	registry.register(t)
	older := registry.seed(t, "ingest.order.v1-value", schemaOlder)
	foreign := registry.seed(t, "foreign-value", schemaForein)
	protobuf, _, err := registry.fake.RegisterSchema("proto-value", sr.Schema{Schema: `syntax = "proto3";`, Type: sr.TypeProtobuf})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		framed []byte
		code   schemas.Code
	}{
		"empty":                  {nil, CodeUndecodable},
		"too short":              {[]byte{0, 0, 0, 1}, CodeUndecodable},
		"no magic byte":          {[]byte("{\"pot\":\"p1\"}"), CodeUndecodable},
		"unknown id":             {framedBy(4711, "x"), CodeUnknownSchema},
		"id beyond 31 bits":      {framedBy(1<<31+7, "x"), CodeUnknownSchema},
		"incompatible schema":    {framedBy(foreign, "x"), CodeSchemaIncompatible},
		"not Avro":               {framedBy(uint32(protobuf), "x"), CodeSchemaIncompatible},
		"payload of another one": {framedBy(older, "bad"), CodeUndecodable},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := registry.Unframe(t.Context(), "ingest.order.v1", test.framed)
			var refusal *streams.Unreadable
			if !errors.As(err, &refusal) || refusal.Code != test.code || refusal.Reason == "" {
				t.Errorf("got %v, want %s", err, test.code)
			}
		})
	}
}

func TestRefusalIsRememberedOnlyBriefly(t *testing.T) {
	registry := newRegistry(t, RegistryOptions{})
	now := time.Unix(1_000_000, 0)
	registry.now = func() time.Time { return now }
	registry.register(t)
	unknown := func() error {
		_, err := registry.Unframe(t.Context(), "ingest.order.v1", framedBy(77, "x"))
		return err
	}
	for range 5 {
		if err := unknown(); err == nil {
			t.Fatal("an unknown id was read")
		}
	}
	if asked := registry.asked.Load(); asked != 1 {
		t.Errorf("asked %d times within the memory", asked)
	}
	registry.fake.SeedSchema("late-value", 1, 77, sr.Schema{Schema: schemaOlder})
	now = now.Add(refusalKept + time.Second)
	if err := unknown(); err != nil {
		t.Errorf("the schema has come since, but: %v", err)
	}
}

func TestFloodOfBadIdsStaysBoundedAndSparesTheGoodOnes(t *testing.T) {
	cache := writerCache{}
	good := writerKey{topic: "t", id: 1}
	cache.put(good, writer{convert: func(b []byte) ([]byte, error) { return b, nil }})
	bad := writer{refusal: unreadable(CodeUnknownSchema, "no"), until: time.Unix(10, 0)}
	for id := range uint32(3 * writersMax) {
		cache.put(writerKey{topic: "t", id: 2 + id}, bad)
	}
	if len(cache.known) != writersMax {
		t.Errorf("%d entries", len(cache.known))
	}
	if _, ok := cache.get(good, time.Unix(0, 0)); !ok {
		t.Error("the good schema was pushed out")
	}
}

// waitingHandler tells when the registry is first waited for.
type waitingHandler struct {
	slog.Handler
	waited chan struct{}
}

func (h *waitingHandler) Handle(_ context.Context, record slog.Record) error {
	if record.Message == waitingText {
		select {
		case h.waited <- struct{}{}:
		default:
		}
	}
	return nil
}

func (h *waitingHandler) Enabled(context.Context, slog.Level) bool { return true }

func TestRegistryAwayIsWaitedForAndSaidSo(t *testing.T) {
	handler := &waitingHandler{Handler: slog.DiscardHandler, waited: make(chan struct{}, 1)}
	registry := newRegistry(t, RegistryOptions{Log: slog.New(handler)})
	registry.away.Store(true)
	done := make(chan error, 1)
	go func() { done <- registry.Register(t.Context(), []streams.Topic{orders()}) }()
	<-handler.waited
	if waiting := registry.Waiting(); !strings.Contains(waiting, "waiting for schema registry") || !strings.Contains(waiting, "nobody home") {
		t.Errorf("status says %q", waiting)
	}
	registry.away.Store(false)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if waiting := registry.Waiting(); waiting != "" {
		t.Errorf("still %q", waiting)
	}

	id := registry.seed(t, "ingest.order.v1-value", schemaOlder)
	registry.away.Store(true)
	handler.waited = make(chan struct{}, 1)
	go func() {
		_, err := registry.Unframe(t.Context(), "ingest.order.v1", framedBy(id, "x"))
		done <- err
	}()
	<-handler.waited
	registry.away.Store(false)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestWaitingEndsWithItsContextAndIsNoRefusal(t *testing.T) {
	registry := newRegistry(t, RegistryOptions{})
	registry.register(t)
	registry.away.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := registry.Unframe(ctx, "ingest.order.v1", framedBy(99, "x"))
	var refusal *streams.Unreadable
	if !errors.Is(err, context.Canceled) || errors.As(err, &refusal) {
		t.Errorf("got %v", err)
	}
}

func TestBare404OfAProxyIsNotAnUnknownSchema(t *testing.T) {
	proxied := errors.Join(&sr.ResponseError{StatusCode: http.StatusNotFound})
	if isAbsent(proxied) || isAnswer(proxied) {
		t.Error("a proxy's 404 was taken for the registry's answer")
	}
	if !isAbsent(&sr.ResponseError{StatusCode: http.StatusNotFound, ErrorCode: sr.ErrSchemaNotFound.Code}) {
		t.Error("the registry's own answer was not recognised")
	}
}

func TestLatestSchemaOfASubject(t *testing.T) {
	registry := newRegistry(t, RegistryOptions{})
	if _, _, ok, err := registry.LatestSchema(t.Context(), "none-value"); ok || err != nil {
		t.Errorf("a subject that is not there: %v, %v", ok, err)
	}
	id := registry.seed(t, "some-value", schemaOlder)
	text, latest, ok, err := registry.LatestSchema(t.Context(), "some-value")
	if err != nil || !ok || latest != id || text != schemaOlder {
		t.Errorf("got %q, %d, %v, %v", text, latest, ok, err)
	}
}

func avroSchema(text string) sr.Schema { return sr.Schema{Schema: text, Type: sr.TypeAvro} }
