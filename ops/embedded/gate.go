package embedded

import (
	"net"
	"sync"
)

// gate is a listener that takes no connection before it is opened. Clients that waited for the broker ask as soon as they can, and what they ask then must find it
// as complete as any later request does.
type gate struct {
	net.Listener
	opened, closed    chan struct{}
	opening, closings sync.Once
}

func newGate(listener net.Listener) *gate {
	return &gate{Listener: listener, opened: make(chan struct{}), closed: make(chan struct{})}
}

// open lets connections in, those that have waited first.
func (g *gate) open() { g.opening.Do(func() { close(g.opened) }) }

// Accept implements net.Listener.
func (g *gate) Accept() (net.Conn, error) {
	select {
	case <-g.opened:
		return g.Listener.Accept()
	case <-g.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (g *gate) Close() error {
	g.closings.Do(func() { close(g.closed) })
	return g.Listener.Close()
}
