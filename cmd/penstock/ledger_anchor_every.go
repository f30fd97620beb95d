package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/anchoring"
	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// goOn signs each period until it is interrupted.
func (s *signing) goOn(cmd *cobra.Command, pool *pgxpool.Pool, key ed25519.PrivateKey) error {
	log := slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	config := anchoring.Config{
		File: s.file, Begin: s.begin, Key: key, Every: s.every, Logger: log, Metrics: metrics,
		Take: func(ctx context.Context) (*anchor.Anchor, error) { return postgres.TakeAnchor(ctx, pool) },
	}
	if s.verify {
		config.Check = func(_ context.Context, before []anchor.Anchor) error { return verifyBefore(cmd, pool, before) }
	}
	signer, err := anchoring.New(config)
	if err != nil {
		return fmt.Errorf("--every %s: %w", s.every, err)
	}
	stop := func() {}
	if s.metrics != "" {
		if stop, err = serveSigner(cmd.Context(), s.metrics, signerPages(s.name, signer, metrics), log); err != nil {
			return err
		}
	}
	signer.Run(cmd.Context())
	stop()
	return nil
}

// signerHeaderTimeMax bounds how long a client may take to say what it wants.
const signerHeaderTimeMax = 10 * time.Second

// serveSigner answers HTTP until stop is called.
func serveSigner(ctx context.Context, address string, pages http.Handler, log *slog.Logger) (stop func(), err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w; name another address with --metrics-addr", address, err)
	}
	log.InfoContext(ctx, "answering HTTP", "address", listener.Addr().String())
	server := &http.Server{Handler: pages, ReadHeaderTimeout: signerHeaderTimeMax}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.ErrorContext(ctx, "HTTP is not answered any more", "reason", err)
		}
	}()
	return func() { _ = server.Close(); <-ended }, nil
}

// roleAnchor is what the signer is called where roles are shown.
const roleAnchor roles.Role = "anchor"

// signerPages are those that an instance of roles has, too: penstock status reads them.
func signerPages(name string, signer *anchoring.Signer, metrics *prometheus.Registry) http.Handler {
	show := func(w http.ResponseWriter, code int, page any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(page)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		show(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		health, code := roles.Health{Status: "ok", Roles: []roles.RoleStatus{signerStatus(signer)}}, http.StatusOK
		if health.Roles[0].State != roles.StateRunning {
			health.Status, code = "waiting", http.StatusServiceUnavailable
		}
		show(w, code, health)
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		show(w, http.StatusOK, roles.Status{
			Instance: name, Clock: roles.ClockStatus{Mode: "real", Now: time.Now().UTC()}, Roles: []roles.RoleStatus{signerStatus(signer)}, Trades: -1,
		})
	})
	return mux
}

// signerStatus says what was signed last, and what the signer waits for.
func signerStatus(signer *anchoring.Signer) roles.RoleStatus {
	state := signer.State()
	last := "nothing is signed yet"
	if state.Lines > 0 {
		last = fmt.Sprintf("signed %s over %d journals, line %d", state.SignedAt.UTC().Format(time.RFC3339), state.Journals, state.Lines)
	}
	if state.Waiting != "" {
		return roles.RoleStatus{Role: roleAnchor, State: roles.StateWaiting, Reason: state.Waiting + "; " + last}
	}
	return roles.RoleStatus{Role: roleAnchor, State: roles.StateRunning, Reason: last}
}
