package faults

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"sync"
)

// Statement is a kind of statement to Postgres, by its first word.
type Statement string

// The statements at which connections can be cut.
const (
	Begin  Statement = "begin"
	Copy   Statement = "copy"
	Commit Statement = "commit"
)

// SQLRule cuts a connection once: at the Nth statement of a kind on all connections together, before it is sent or after
// the database has done it.
type SQLRule struct {
	Statement Statement
	Nth       int
	// Done says that the database does it, and the client never knows.
	Done bool
}

func (r SQLRule) String() string {
	when := "before it is sent"
	if r.Done {
		when = "after it was done"
	}
	return fmt.Sprintf("%s #%d cut %s", r.Statement, r.Nth, when)
}

// SQL carries all connections of a process to Postgres, over which statements go as simple queries. It is safe for use by many goroutines.
type SQL struct {
	dial Dialer

	mutex  sync.Mutex
	rules  []SQLRule
	seen   map[Statement]int
	struck []SQLRule
}

// NewSQL makes one that breaks by the rules. A nil dial connects as usual.
func NewSQL(dial Dialer, rules ...SQLRule) *SQL {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return &SQL{dial: dial, rules: rules, seen: make(map[Statement]int)}
}

// Dial connects; it is the DialFunc of a pool.
func (s *SQL) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := s.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &sqlConn{Conn: conn, sql: s}, nil
}

// Struck returns the rules that struck so far, in their order.
func (s *SQL) Struck() []SQLRule {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]SQLRule(nil), s.struck...)
}

// statement counts a statement and returns the rule that strikes it, if any.
func (s *SQL) statement(kind Statement) (SQLRule, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.seen[kind]++
	for _, rule := range s.rules {
		if rule.Statement == kind && rule.Nth == s.seen[kind] {
			s.struck = append(s.struck, rule)
			return rule, true
		}
	}
	return SQLRule{}, false
}

type sqlConn struct {
	net.Conn
	sql *SQL

	mutex sync.Mutex
	lose  bool
}

// Write sends messages; a driver writes whole ones.
func (c *sqlConn) Write(b []byte) (int, error) {
	kind, ok := statementOf(b)
	if !ok {
		return c.Conn.Write(b)
	}
	rule, strikes := c.sql.statement(kind)
	if strikes && !rule.Done {
		_ = c.Close() // it is what is meant to happen
		return 0, ErrCut
	}
	if strikes {
		c.mutex.Lock()
		c.lose = true
		c.mutex.Unlock()
	}
	return c.Conn.Write(b)
}

// Read delivers answers. One that is to be lost has come before the connection is cut, so the database has done its work.
func (c *sqlConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mutex.Lock()
	lose := c.lose
	c.mutex.Unlock()
	if lose && n > 0 {
		_ = c.Close() // it is what is meant to happen
		return 0, ErrCut
	}
	return n, err
}

// queryHead is what stands before the text of a simple query: its mark and the length of what follows.
const queryHead = 1 + 4

// statementOf returns the kind of the statement that a message sends, if it is a simple query of a known kind.
func statementOf(message []byte) (Statement, bool) {
	if len(message) < queryHead || message[0] != 'Q' || int(binary.BigEndian.Uint32(message[1:])) > len(message)-1 {
		return "", false
	}
	word, _, _ := strings.Cut(string(bytes.TrimRight(message[queryHead:], "\x00")), " ")
	switch kind := Statement(strings.ToLower(strings.TrimRight(word, ";"))); kind {
	case Begin, Copy, Commit:
		return kind, true
	}
	return "", false
}
