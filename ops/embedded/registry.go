package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr/srfake"
)

const (
	registryBodyMax       = 1 << 20
	registryHeaderWaitMax = 10 * time.Second
	registryIdleMax       = 2 * time.Minute

	// registryStopMax bounds the wait for requests when the registry stops. It is
	// short because the usual thing waited for is a connection that a client opened
	// in reserve, on which nothing will come.
	registryStopMax = 500 * time.Millisecond
)

var errRegistryStopped = errors.New("the schema registry has been stopped")

// registryServer is the schema registry on its port.
//
// The registry itself lives in memory, but the records on the broker's disk
// carry its ids, so these must be the same for ever. Therefore every change is a
// line of a file, in the order in which the changes were made, and a start makes
// them again. A client is answered only once the line is on the disk, and until
// then nobody else sees the change: else a producer could use an id that a
// crash takes back.
type registryServer struct {
	url     string
	server  *http.Server
	changes *registryLog
	served  chan struct{}
	fault   func(error)
	log     *slog.Logger

	// mutex lets any number read, or one change and write it down.
	mutex   sync.RWMutex
	schemas http.Handler
	broken  error
}

// startRegistry takes the listener over, also when it fails.
func startRegistry(path string, listener net.Listener, log *slog.Logger, fault func(error)) (*registryServer, error) {
	registry := &registryServer{
		url:     "http://" + listener.Addr().String(),
		served:  make(chan struct{}),
		fault:   fault,
		log:     log,
		schemas: srfake.NewRegistry().Handler(),
	}
	var err error
	if registry.changes, err = openRegistryLog(path, registry.schemas); err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("starting the schema registry: %w", err)
	}
	registry.server = &http.Server{
		Handler:           registry,
		ReadHeaderTimeout: registryHeaderWaitMax,
		IdleTimeout:       registryIdleMax,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	go func() {
		defer close(registry.served)
		if err := registry.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fault(fmt.Errorf("serving the schema registry: %w", err))
		}
	}()
	return registry, nil
}

// close cuts connections off that don't end by themselves. A change that is being
// made is finished first, and nothing is answered after that.
func (r *registryServer) close(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, registryStopMax)
	defer cancel()
	var err error
	if r.server.Shutdown(bounded) != nil {
		err = r.server.Close()
	}
	<-r.served
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.broken = errRegistryStopped
	if err := errors.Join(err, r.changes.close()); err != nil {
		return fmt.Errorf("stopping the schema registry: %w", err)
	}
	return nil
}

// ServeHTTP answers one request of the registry's REST interface.
func (r *registryServer) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if strings.HasPrefix(request.URL.Path, "/associations/") {
		// Newer Confluent clients ask here before anything else and take a 404 for
		// "this registry has no associations".
		writeRegistryError(w, http.StatusNotFound, "this registry keeps no associations")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, registryBodyMax))
	if err != nil {
		writeRegistryError(w, http.StatusRequestEntityTooLarge, err.Error())
		return
	}
	change := registryChange{Method: request.Method, URI: request.URL.RequestURI(), Body: string(body)}
	if change.alters() {
		r.alter(w, change)
		return
	}
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	if r.broken != nil {
		writeRegistryError(w, http.StatusServiceUnavailable, r.broken.Error())
		return
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	r.schemas.ServeHTTP(w, request)
}

func (r *registryServer) alter(w http.ResponseWriter, change registryChange) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.broken != nil {
		writeRegistryError(w, http.StatusServiceUnavailable, r.broken.Error())
		return
	}
	answer, err := change.apply(r.schemas)
	if err == nil {
		err = r.changes.append(change, answer)
	}
	if err != nil {
		// The memory may now be ahead of the disk, so nothing may be read from it.
		r.broken = fmt.Errorf("keeping the schema registry: %w", err)
		r.fault(r.broken)
		writeRegistryError(w, http.StatusServiceUnavailable, r.broken.Error())
		return
	}
	answer.writeTo(w)
}

func writeRegistryError(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	w.WriteHeader(status)
	// The client may have gone; there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(map[string]any{"error_code": status, "message": message})
}
