package postgres

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/jackc/pgx/v5"
)

// copyStream is what a binary COPY reads: rows that are written while the server takes in those before them. Handing values to the driver
// instead, one by one, takes several times as long.
type copyStream struct {
	mutex sync.Mutex
	// row appends the next row, and returns false where there is none.
	row   func([]byte) ([]byte, bool)
	ready []byte
	ended bool
}

const (
	// copyHeader is the signature of the format, no flags, and no further header.
	copyHeader = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"
	// copyTrailer stands where the number of a row's columns would.
	copyTrailer = "\xff\xff"
	// copyReadyBytes is a little more than one message of the driver.
	copyReadyBytes = 68 << 10
)

func newCopyStream(row func([]byte) ([]byte, bool)) *copyStream {
	return &copyStream{row: row, ready: append(make([]byte, 0, copyReadyBytes), copyHeader...)}
}

// Read fills p as long as there are rows, so that messages are full; it returns io.EOF after the last row.
func (s *copyStream) Read(p []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for len(s.ready) < len(p) && !s.ended {
		var more bool
		if s.ready, more = s.row(s.ready); !more {
			s.ready, s.ended = append(s.ready, copyTrailer...), true
		}
	}
	if len(s.ready) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.ready)
	s.ready = append(s.ready[:0], s.ready[n:]...)
	return n, nil
}

// Close ends the rows. The driver may still be reading when it has given up a connection; afterwards what the rows are made of is no longer looked at.
func (s *copyStream) Close() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.ready, s.ended = nil, true
	return nil
}

// copyRows copies rows into the given columns of a table, and closes them.
func copyRows(ctx context.Context, tx pgx.Tx, table pgx.Identifier, columns string, rows io.ReadCloser) error {
	_, err := tx.Conn().PgConn().CopyFrom(ctx, rows, "copy "+table.Sanitize()+" ("+columns+") from stdin binary")
	return errors.Join(err, rows.Close())
}
