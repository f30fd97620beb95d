package faults

import (
	"context"
	"net"
	"sync"
)

// Address is an address behind which another server can be put, as a name can come to lead elsewhere. Its Dial goes to whichever was put there last, whatever
// name the client has for it.
type Address struct {
	mutex sync.Mutex
	at    string
	conns []net.Conn
}

// NewAddress is an address behind which is the server at host:port.
func NewAddress(at string) *Address { return &Address{at: at} }

// Dial connects to whoever is behind the address. It is a Dialer.
func (a *Address) Dial(ctx context.Context, network, _ string) (net.Conn, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	conn, err := new(net.Dialer).DialContext(ctx, network, a.at)
	if err == nil {
		a.conns = append(a.conns, conn)
	}
	return conn, err
}

// Put puts another server behind the address, and cuts who was connected.
func (a *Address) Put(at string) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.at = at
	for _, conn := range a.conns {
		_ = conn.Close()
	}
	a.conns = nil
}
