package embedded

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// registryAt runs a registry alone on a file.
func registryAt(t *testing.T, path string) *registryServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	fault := func(err error) { t.Logf("fault: %v", err) }
	registry, err := startRegistry(path, listener, slog.New(slog.DiscardHandler), fault)
	must(t, err)
	return registry
}

func ask(t *testing.T, registry *registryServer, method, uri, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, registry.url+uri, strings.NewReader(body))
	must(t, err)
	request.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	answer, err := http.DefaultClient.Do(request)
	must(t, err)
	text, err := io.ReadAll(answer.Body)
	must(t, errors.Join(err, answer.Body.Close()))
	return answer.StatusCode, strings.TrimSpace(string(text))
}

const (
	stringSchema = `{"schemaType":"AVRO","schema":"\"string\""}`
	longSchema   = `{"schema":"\"long\""}`
)

// The requests are those that foreign clients make, in their order.
func TestTheRegistryAnswersForeignClients(t *testing.T) {
	registry := registryAt(t, filepath.Join(t.TempDir(), "registry.log"))
	defer func() { must(t, registry.close(t.Context())) }()
	for _, step := range []struct {
		method, uri, body string
		status            int
		contains          string
	}{
		{"GET", "/associations/resources/default/topic?resourceType=topic", "", 404, `"error_code":404`},
		{"POST", "/subjects/t-value?normalize=false&deleted=false", stringSchema, 404, `"error_code":40401`},
		{"POST", "/subjects/t-value/versions?normalize=false", stringSchema, 200, `"id":1`},
		{"POST", "/subjects/t-value?normalize=false&deleted=false", stringSchema, 200, `"version":1`},
		{"GET", "/schemas/ids/1", "", 200, `\"string\"`},
		{"GET", "/schemas/ids/1?subject=t-value&fetchMaxId=false", "", 200, `\"string\"`},
		{"GET", "/schemas/ids/2", "", 404, `"error_code":40403`},
		{"POST", "/compatibility/subjects/t-value/versions/latest", longSchema, 200, "is_compatible"},
		{"POST", "/subjects/t-value/versions", longSchema, 200, `"id":2`},
		{"GET", "/subjects/t-value/versions/latest", "", 200, `"id":2`},
		{"GET", "/subjects/t-value/versions", "", 200, "[1,2]"},
		{"GET", "/subjects", "", 200, "t-value"},
		{"GET", "/config", "", 200, "BACKWARD"},
		{"POST", "/subjects/t-value/versions", "nonsense", 422, "error_code"},
		{"POST", "/subjects/t-value/versions", strings.Repeat("x", registryBodyMax+1), 413, "error_code"},
	} {
		status, text := ask(t, registry, step.method, step.uri, step.body)
		if status != step.status || !strings.Contains(text, step.contains) {
			t.Errorf("%s %s: got %d %s, want %d with %s", step.method, step.uri, status, text, step.status, step.contains)
		}
	}
}

// Deleting, failing and registering under several subjects all move ids and
// versions, and a start must come to the same ones.
func TestTheRegistryKeepsWhatChangedIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.log")
	registry := registryAt(t, path)
	for _, step := range [][3]string{
		{"POST", "/subjects/a/versions", stringSchema},
		{"POST", "/subjects/b/versions", stringSchema},
		{"POST", "/subjects/a/versions", longSchema},
		{"POST", "/subjects/a/versions", `{"schema":"\"int\"","references":[{"name":"x","subject":"none","version":1}]}`},
		{"DELETE", "/subjects/a/versions/1", ""},
		{"POST", "/subjects/a/versions", stringSchema},
		{"PUT", "/config/b", `{"compatibility":"FULL"}`},
		{"DELETE", "/subjects/b", ""},
		{"POST", "/subjects/c%2Fd/versions", `{"schema":"\"bytes\""}`},
	} {
		ask(t, registry, step[0], step[1], step[2])
	}
	before := state(t, registry)
	must(t, registry.close(t.Context()))

	registry = registryAt(t, path)
	defer func() { must(t, registry.close(t.Context())) }()
	if after := state(t, registry); after != before {
		t.Errorf("after a restart:\n%s\nbefore:\n%s", after, before)
	}
}

func state(t *testing.T, registry *registryServer) string {
	t.Helper()
	var all strings.Builder
	for _, uri := range []string{
		"/schemas/ids/1", "/schemas/ids/2", "/schemas/ids/3", "/schemas/ids/4", "/subjects?deleted=true",
		"/subjects/a/versions?deleted=true", "/subjects/a/versions/latest", "/subjects/c%2Fd/versions/latest", "/config/b",
	} {
		_, text := ask(t, registry, "GET", uri, "")
		all.WriteString(uri + " " + text + "\n")
	}
	return all.String()
}

func TestRegisteringAgainDoesNotGrowTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.log")
	var size int64
	for range 3 {
		registry := registryAt(t, path)
		ask(t, registry, "POST", "/subjects/a/versions", stringSchema)
		ask(t, registry, "POST", "/subjects/a/versions", stringSchema)
		must(t, registry.close(t.Context()))
		info, err := os.Stat(path)
		must(t, err)
		if size != 0 && info.Size() != size {
			t.Fatalf("got %d bytes, want %d", info.Size(), size)
		}
		size = info.Size()
	}
}

// After a deletion the same registration does change something.
func TestRegisteringAfterADeletionIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.log")
	registry := registryAt(t, path)
	ask(t, registry, "POST", "/subjects/a/versions", stringSchema)
	ask(t, registry, "DELETE", "/subjects/a/versions/1", "")
	ask(t, registry, "POST", "/subjects/a/versions", stringSchema)
	_, before := ask(t, registry, "GET", "/subjects/a/versions/latest", "")
	must(t, registry.close(t.Context()))
	registry = registryAt(t, path)
	defer func() { must(t, registry.close(t.Context())) }()
	if _, after := ask(t, registry, "GET", "/subjects/a/versions/latest", ""); after != before {
		t.Errorf("got %s, want %s", after, before)
	}
}

func TestAnUnfinishedLineIsDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.log")
	registry := registryAt(t, path)
	ask(t, registry, "POST", "/subjects/a/versions", stringSchema)
	must(t, registry.close(t.Context()))
	whole, err := os.ReadFile(path)
	must(t, err)
	for cut := range whole {
		must(t, os.WriteFile(path, append(bytes.Clone(whole), whole[:cut]...), 0o600))
		registry = registryAt(t, path)
		if status, _ := ask(t, registry, "GET", "/schemas/ids/1", ""); status != http.StatusOK {
			t.Fatalf("cut at %d: schema 1 is gone", cut)
		}
		must(t, registry.close(t.Context()))
		left, err := os.ReadFile(path)
		must(t, err)
		if !bytes.Equal(left, whole) {
			t.Fatalf("cut at %d: the file is now %q", cut, left)
		}
	}
}

func TestADamagedOrForeignFileIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"damaged":        "{nonsense\n",
		"another id":     `{"method":"POST","uri":"/subjects/a/versions","body":"{\"schema\":\"\\\"int\\\"\"}","status":200,"id":7}` + "\n",
		"another status": `{"method":"POST","uri":"/subjects/a/versions","body":"{\"schema\":\"\\\"int\\\"\"}","status":409}` + "\n",
	} {
		path := filepath.Join(t.TempDir(), "registry.log")
		must(t, os.WriteFile(path, []byte(text), 0o600))
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		if _, err := startRegistry(path, listener, slog.New(slog.DiscardHandler), func(error) {}); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A registry that can't write must not go on from memory.
func TestARegistryThatCannotWriteStops(t *testing.T) {
	registry := registryAt(t, filepath.Join(t.TempDir(), "registry.log"))
	defer func() { _ = registry.close(t.Context()) }() // its file is closed already
	must(t, registry.changes.close())
	if status, text := ask(t, registry, "POST", "/subjects/a/versions", stringSchema); status != http.StatusServiceUnavailable {
		t.Errorf("registering: got %d %s", status, text)
	}
	if status, text := ask(t, registry, "GET", "/schemas/ids/1", ""); status != http.StatusServiceUnavailable {
		t.Errorf("reading what was not kept: got %d %s", status, text)
	}
}
