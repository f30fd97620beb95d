package faults

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The layout of frames: the size, then in a request the kind, its version and the correlation id, in an answer the correlation id.
const (
	sizeBytes     = 4
	correlationAt = sizeBytes + 4
	requestHead   = correlationAt + 4
	answerHead    = sizeBytes + 4
	// readBytes is the room for one read.
	readBytes = 16 << 10
)

// wireConn is one connection. One goroutine writes to it and one reads, as clients do.
type wireConn struct {
	net.Conn
	wire *Wire
	// out holds the beginning of a request that was not written whole.
	out []byte
	// in holds what was read: ready bytes of it may go to the client.
	in    []byte
	ready int

	mutex  sync.Mutex
	marked map[int32]Action // by correlation id, what is to happen to the answer
	once   sync.Once
	closed chan struct{}
	// deadlines are those of reading and writing, in nanoseconds since 1970, 0 for none: whoever is held up here must see them pass.
	readBy, writeBy atomic.Int64
}

// stepTime is how often something that is held up looks at its deadline.
const stepTime = 5 * time.Millisecond

// wait waits for a channel, the end of the connection or a deadline.
func (c *wireConn) wait(until <-chan struct{}, deadline *atomic.Int64) error {
	if until == nil {
		return nil
	}
	ticker := time.NewTicker(stepTime)
	defer ticker.Stop()
	for {
		select {
		case <-until:
			return nil
		case <-c.closed:
			return ErrCut
		case now := <-ticker.C:
			if by := deadline.Load(); by != 0 && now.UnixNano() > by {
				return os.ErrDeadlineExceeded
			}
		}
	}
}

// SetDeadline sets both deadlines.
func (c *wireConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline sets the deadline of reading.
func (c *wireConn) SetReadDeadline(t time.Time) error {
	c.readBy.Store(nanoseconds(t))
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline sets the deadline of writing.
func (c *wireConn) SetWriteDeadline(t time.Time) error {
	c.writeBy.Store(nanoseconds(t))
	return c.Conn.SetWriteDeadline(t)
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// Write sends requests, whole ones only.
func (c *wireConn) Write(b []byte) (int, error) {
	if len(c.out) == 0 && len(b) >= requestHead && frameBytes(b) == len(b) {
		return len(b), c.send(b)
	}
	c.out = append(c.out, b...)
	for len(c.out) >= requestHead && len(c.out) >= frameBytes(c.out) {
		size := frameBytes(c.out)
		if err := c.send(c.out[:size]); err != nil {
			return 0, err
		}
		c.out = append(c.out[:0], c.out[size:]...)
	}
	return len(b), nil
}

func frameBytes(b []byte) int { return sizeBytes + int(binary.BigEndian.Uint32(b)) }

func (c *wireConn) send(frame []byte) error {
	if err := c.wait(c.wire.frozen(), &c.writeBy); err != nil {
		return err
	}
	action := c.wire.request(kmsg.Key(binary.BigEndian.Uint16(frame[sizeBytes:])))
	switch action {
	case Refused:
		_ = c.Close() // it is what is meant to happen
		return ErrCut
	case Silent:
		return nil
	case Lost, Late, Mute:
		c.mutex.Lock()
		c.marked[int32(binary.BigEndian.Uint32(frame[correlationAt:]))] = action //nolint:gosec // the same bits
		c.mutex.Unlock()
	}
	_, err := c.Conn.Write(frame)
	return err
}

// Read delivers answers, and acts on those that are marked.
func (c *wireConn) Read(b []byte) (int, error) {
	for c.ready == 0 {
		if len(c.in) >= answerHead && len(c.in) >= frameBytes(c.in) {
			if err := c.answer(frameBytes(c.in)); err != nil {
				return 0, err
			}
			continue
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(b, c.in[:c.ready])
	c.in, c.ready = c.in[n:], c.ready-n
	return n, nil
}

// fill reads more of what comes.
func (c *wireConn) fill() error {
	if cap(c.in)-len(c.in) < readBytes/2 {
		c.in = append(make([]byte, 0, len(c.in)+readBytes), c.in...)
	}
	n, err := c.Conn.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	if n > 0 {
		return nil
	}
	return err
}

// answer lets the first frame through, or does to it what was decided.
func (c *wireConn) answer(size int) error {
	if err := c.wait(c.wire.frozen(), &c.readBy); err != nil {
		return err
	}
	correlation := int32(binary.BigEndian.Uint32(c.in[sizeBytes:])) //nolint:gosec // the same bits
	c.mutex.Lock()
	action := c.marked[correlation]
	delete(c.marked, correlation)
	c.mutex.Unlock()
	switch action {
	case Refused, Silent: // there is no answer to them
	case Lost:
		_ = c.Close() // it is what is meant to happen
		return ErrCut
	case Mute:
		c.in = c.in[size:]
		return nil
	case Late:
		// A deadline that passes meanwhile leaves the answer in its place.
		late, cancel := context.WithTimeout(context.Background(), lateMax)
		defer cancel()
		if err := c.wait(late.Done(), &c.readBy); err != nil {
			return err
		}
	}
	c.ready = size
	return nil
}

// Close ends the connection.
func (c *wireConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	c.wire.forget(c)
	return c.Conn.Close()
}
