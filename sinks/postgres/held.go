package postgres

import (
	"sync"

	"github.com/penstock-ledger/penstock/streams/feed"
)

// heldRecords counts what a lane keeps in memory: what its last Poll returned, until all of it is booked, and what its reader's client has fetched behind that.
type heldRecords struct {
	mutex          sync.Mutex
	reader         *feed.Reader
	records, bytes int64
}

func (h *heldRecords) begin(reader *feed.Reader) { h.set(reader, 0, 0) }

func (h *heldRecords) end() { h.set(nil, 0, 0) }

func (h *heldRecords) set(reader *feed.Reader, records, bytes int64) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.reader, h.records, h.bytes = reader, records, bytes
}

// polled takes in what a Poll returned, in place of what the one before it did.
func (h *heldRecords) polled(batches []feed.Batch) {
	records, bytes := int64(0), int64(0)
	for i := range batches {
		records += int64(len(batches[i].Records))
		for k := range batches[i].Records {
			bytes += int64(len(batches[i].Records[k].Key) + len(batches[i].Records[k].Value))
		}
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.records, h.bytes = records, bytes
}

func (h *heldRecords) now() (records, bytes int64) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.reader != nil {
		records, bytes = h.reader.Buffered()
	}
	return records + h.records, bytes + h.bytes
}

// Held returns how many records of its last reads the sink has, each until all of it is booked, with those fetched behind them, and the bytes of their keys
// and values.
func (s *Sink) Held() (records, bytes int64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, l := range s.lanes {
		moreRecords, moreBytes := l.held.now()
		records, bytes = records+moreRecords, bytes+moreBytes
	}
	return records, bytes
}
