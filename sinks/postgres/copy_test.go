package postgres

import (
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// TestACopyStreamIsTheSameHoweverItIsRead: the driver reads messages of its own size, which rows do not end with.
func TestACopyStreamIsTheSameHoweverItIsRead(t *testing.T) {
	stream := func() *copyStream {
		left := 3
		return newCopyStream(func(b []byte) ([]byte, bool) {
			left--
			if left < 0 {
				return b, false
			}
			return append(b, "a row"...), true
		})
	}
	const want = copyHeader + "a rowa rowa row" + copyTrailer
	for name, reader := range map[string]io.Reader{"whole": stream(), "bytes": iotest.OneByteReader(stream()), "halves": iotest.HalfReader(stream())} {
		got, err := io.ReadAll(reader)
		if err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestAClosedCopyStreamLooksAtNoMoreRows(t *testing.T) {
	stream := newCopyStream(func(b []byte) ([]byte, bool) { t.Error("a row was asked for"); return b, false })
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := stream.Read(make([]byte, 10)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("got %d bytes, %v", n, err)
	}
}
