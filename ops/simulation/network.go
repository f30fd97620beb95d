package simulation

import (
	"context"
	"net"
	"sync"
)

// network is the way to a broker in the same process: connections without an operating system in between.
type network struct {
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func newNetwork() *network {
	return &network{accepted: make(chan net.Conn), closed: make(chan struct{})}
}

// listen takes the place of net.Listen for a broker.
func (n *network) listen(string, string) (net.Listener, error) { return n, nil }

// dial connects to the broker, whatever the address.
func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case n.accepted <- theirs:
		return ours, nil
	case <-n.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Accept is the broker's side of dial.
func (n *network) Accept() (net.Conn, error) {
	select {
	case conn := <-n.accepted:
		return conn, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close ends listening.
func (n *network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

// Addr is what the broker tells clients to connect to.
func (n *network) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: brokerPort} }

// brokerPort is the port of every broker, each in a network of its own.
const brokerPort = 9092
