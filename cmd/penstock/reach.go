package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// reachMax bounds one attempt to connect.
const reachMax = 5 * time.Second

// reach says whether anybody answers at one of the addresses, and what to do where nobody does.
func reach(ctx context.Context, what string, addresses []string) error {
	var failures []error
	dialer := net.Dialer{Timeout: reachMax}
	for _, address := range addresses {
		connection, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return connection.Close()
		}
		failures = append(failures, err)
	}
	return fmt.Errorf("connecting to %s: %w; does the stack run? start it with penstock up, or name another with --dir, --brokers and --registry",
		what, errors.Join(failures...))
}

// hostsOf returns the host:port of each of the URLs between commas.
func hostsOf(addresses string) ([]string, error) {
	var hosts []string
	for address := range strings.SplitSeq(addresses, ",") {
		parsed, err := url.Parse(strings.TrimSpace(address))
		if err != nil || parsed.Hostname() == "" {
			return nil, fmt.Errorf("the schema registry's URL %q: write it as http://registry:8081", address)
		}
		port := parsed.Port()
		if port == "" {
			port = parsed.Scheme
		}
		hosts = append(hosts, net.JoinHostPort(parsed.Hostname(), port))
	}
	return hosts, nil
}
