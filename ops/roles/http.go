package roles

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Limits of the HTTP server.
const (
	headerTimeMax   = 10 * time.Second
	shutdownTimeMax = 5 * time.Second
	bodyBytesMax    = 64 << 10
)

// listeningText is what is logged once the HTTP server can be reached.
const listeningText = "answering HTTP"

// serve answers on the instance's address until ctx ends. /livez, /healthz, /metrics and /status are always there; what reads
// or moves business is there with role api.
func (i *Instance) serve(ctx context.Context) error {
	if i.config.Listener != nil {
		return i.serveOn(ctx, i.config.Listener)
	}
	if i.config.Address == "" {
		return nil
	}
	listener, err := net.Listen("tcp", i.config.Address)
	if err != nil {
		return fmt.Errorf("listening on %s: %w; name another address with --metrics-addr", i.config.Address, err)
	}
	return i.serveOn(ctx, listener)
}

func (i *Instance) serveOn(ctx context.Context, listener net.Listener) error {
	// Whoever leaves the port open finds here which it became.
	i.config.Logger.InfoContext(ctx, listeningText, "address", listener.Addr().String())
	server := &http.Server{Handler: i.handler(), ReadHeaderTimeout: headerTimeMax}
	stop := context.AfterFunc(ctx, func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeMax)
		defer cancel()
		if server.Shutdown(bounded) != nil {
			_ = server.Close()
		}
	})
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving HTTP on %s: %w", listener.Addr(), err)
	}
	return nil
}

func (i *Instance) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	mux.HandleFunc("GET /healthz", i.serveHealth)
	mux.Handle("GET /metrics", promhttp.HandlerFor(i.config.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, i.Status(r.Context())) })
	if i.config.has(API) {
		mux.HandleFunc("GET /pots/{id}", i.servePot)
		mux.HandleFunc("GET /prices", i.servePrices)
		mux.HandleFunc("GET /reference", i.serveReference)
		mux.HandleFunc("GET /trades", i.serveTrades)
		mux.HandleFunc("GET /day", i.serveDay)
		mux.HandleFunc("GET /clock", i.serveClock)
		mux.HandleFunc("POST /clock/close", i.serveClose)
		mux.HandleFunc("POST /clock/advance", i.serveAdvance)
	}
	return mux
}

// Health is the answer of /healthz: 200 where every role runs, 503 while one waits or has stopped.
type Health struct {
	Status string       `json:"status"`
	Roles  []RoleStatus `json:"roles"`
}

func (i *Instance) serveHealth(w http.ResponseWriter, _ *http.Request) {
	health, code := Health{Status: "ok", Roles: i.board.snapshot()}, http.StatusOK
	for _, role := range health.Roles {
		if role.State != StateRunning {
			health.Status, code = "waiting", http.StatusServiceUnavailable
		}
	}
	answer(w, code, health)
}

// Failure is the answer of a request that failed.
type Failure struct {
	Error string `json:"error"`
}

func answer(w http.ResponseWriter, code int, body any) {
	text, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		code, text = http.StatusInternalServerError, []byte(`{"error": "the answer cannot be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n'))
}

func fail(w http.ResponseWriter, code int, err error) { answer(w, code, Failure{err.Error()}) }

// question reads the body of a request; an unknown field is a mistake of the asker.
func question(w http.ResponseWriter, r *http.Request, body any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyBytesMax))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(body); err != nil {
		fail(w, http.StatusBadRequest, fmt.Errorf("reading the request: %w", err))
		return false
	}
	return true
}
