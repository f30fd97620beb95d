package embedded

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	batchAtLeaderEpoch   = 12
	batchAtLastDelta     = 23
	batchAtProducer      = 43
	batchAtProducerEpoch = 51

	attributeTransactional = 0x10
	attributeControl       = 0x20

	// An entry of the broker's index: version, checksum, leader epoch, a timestamp
	// that it computes anew, and whether the batch is of a transaction.
	indexEntryBytes   = 15
	indexEntryVersion = 1
)

// producer names a transaction. A client of the current protocol gets a new
// epoch for each one.
type producer struct {
	id    int64
	epoch int16
}

// partitionLog is what the repair needs to know of one partition's files.
type partitionLog struct {
	last       string // the newest segment, without its extension
	nextOffset int64
	leader     uint32
	open       map[producer]bool
}

// repairLogs makes the broker's files whole after a kill, before the broker
// reads them. It cuts off a batch that was not written to its end, adds the index
// entry of one that was (without it the broker takes a record of a transaction for one
// of none), and ends each open transaction by a marker in the log: by a commit if
// the kill fell between the markers of a commit, else by an abort. It can be
// killed itself and run again.
func repairLogs(dir string, log *slog.Logger) error {
	folders, err := filepath.Glob(filepath.Join(dir, "partitions", "*"))
	if err != nil {
		return fmt.Errorf("looking for partitions: %w", err)
	}
	committed := map[producer]bool{}
	logs := make([]*partitionLog, 0, len(folders))
	for _, folder := range folders {
		partition, err := readPartition(folder, committed)
		if err != nil {
			return fmt.Errorf("repairing %s: %w", folder, err)
		}
		logs = append(logs, partition)
	}
	note, unfinished, err := unfinishedCommit(dir)
	if err != nil {
		return err
	}
	torn := producer{id: note.producer, epoch: note.epoch}
	commits, aborts := 0, 0
	for i, partition := range logs {
		for open := range partition.open {
			commit := unfinished && open == torn && committed[torn]
			if err := partition.end(open, commit); err != nil {
				return fmt.Errorf("ending a transaction in %s: %w", folders[i], err)
			}
			if commit {
				commits++
			} else {
				aborts++
			}
		}
	}
	if commits+aborts > 0 {
		log.Warn("ended the transactions that were open when the broker was killed", "partitions_committed", commits, "partitions_aborted", aborts)
	}
	return nil
}

// readPartition goes through the segments in order and collects the open
// transactions; commits that it passes are added to committed.
func readPartition(folder string, committed map[producer]bool) (*partitionLog, error) {
	partition := &partitionLog{open: map[producer]bool{}}
	files, err := filepath.Glob(filepath.Join(folder, "*.dat"))
	if err != nil {
		return nil, fmt.Errorf("looking for segments: %w", err)
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Compare(baseOffset(a), baseOffset(b)) })
	for _, file := range files {
		partition.last = strings.TrimSuffix(file, ".dat")
		if err := partition.readSegment(committed); err != nil {
			return nil, err
		}
	}
	return partition, nil
}

func baseOffset(path string) int64 {
	offset, _ := strconv.ParseInt(strings.TrimSuffix(filepath.Base(path), ".dat"), 10, 64) // the broker names them so
	return offset
}

func (p *partitionLog) readSegment(committed map[producer]bool) error {
	text, err := os.ReadFile(p.last + ".dat")
	if err != nil {
		return fmt.Errorf("reading a segment: %w", err)
	}
	index, err := os.ReadFile(p.last + ".idx")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("reading an index: %w", err)
	}
	index = index[:len(index)-len(index)%indexEntryBytes]
	at, count := 0, 0
	for batch := nextBatch(text); batch != nil; batch = nextBatch(text[at:]) {
		if entryAt := count * indexEntryBytes; entryAt >= len(index) {
			attributes := binary.BigEndian.Uint16(batch[batchAtAttributes:])
			inTransaction := attributes&attributeTransactional != 0 && attributes&attributeControl == 0
			index = append(index, indexEntry(binary.BigEndian.Uint32(batch[batchAtLeaderEpoch:]), inTransaction)...)
		}
		p.follow(batch, index[(count+1)*indexEntryBytes-1]&1 != 0, committed)
		at += len(batch)
		count++
	}
	return errors.Join(replaceTail(p.last+".dat", text, at), replaceTail(p.last+".idx", index, count*indexEntryBytes))
}

// nextBatch returns the batch at the start of text, nil if there is no whole one.
func nextBatch(text []byte) []byte {
	if len(text) < batchHeaderBytes {
		return nil
	}
	length := batchLengthFrom + int64(binary.BigEndian.Uint32(text[batchAtLength:]))
	if length < batchHeaderBytes || length > int64(len(text)) || checksum(text[:length]) != binary.BigEndian.Uint32(text[batchAtCRC:]) {
		return nil
	}
	return text[:length]
}

// follow keeps the list of open transactions. The index, not the batch, says
// whether a record is of a transaction: compaction drops markers, and the mark
// with them.
func (p *partitionLog) follow(batch []byte, inTransaction bool, committed map[producer]bool) {
	p.nextOffset = int64(binary.BigEndian.Uint64(batch)) + int64(binary.BigEndian.Uint32(batch[batchAtLastDelta:])) + 1
	p.leader = binary.BigEndian.Uint32(batch[batchAtLeaderEpoch:])
	by := producer{
		id:    int64(binary.BigEndian.Uint64(batch[batchAtProducer:])),
		epoch: int16(binary.BigEndian.Uint16(batch[batchAtProducerEpoch:])),
	}
	if binary.BigEndian.Uint16(batch[batchAtAttributes:])&attributeControl == 0 {
		if inTransaction {
			p.open[by] = true
		}
		return
	}
	// A marker ends whatever its producer has open: an abort that fences an old
	// owner may carry the new one's epoch.
	for open := range p.open {
		if open.id == by.id {
			delete(p.open, open)
		}
	}
	var record kmsg.Record
	var key kmsg.ControlRecordKey
	if record.ReadFrom(batch[batchHeaderBytes:]) == nil && key.ReadFrom(record.Key) == nil && key.Type == kmsg.ControlRecordKeyTypeCommit {
		committed[by] = true
	}
}

// end writes a transaction's marker. The index comes after the log, as the broker
// does it, so that a kill in between is what readSegment repairs.
func (p *partitionLog) end(by producer, commit bool) error {
	batch := marker(by, commit, p.nextOffset, p.leader)
	p.nextOffset++
	if err := appendDurable(p.last+".dat", batch); err != nil {
		return err
	}
	return appendDurable(p.last+".idx", indexEntry(p.leader, false))
}

func marker(by producer, commit bool, offset int64, leader uint32) []byte {
	key := kmsg.ControlRecordKey{Type: kmsg.ControlRecordKeyTypeAbort}
	if commit {
		key.Type = kmsg.ControlRecordKeyTypeCommit
	}
	value := kmsg.EndTxnMarker{}
	record := kmsg.Record{Key: key.AppendTo(nil), Value: value.AppendTo(nil)}
	record.Length = int32(len(record.AppendTo(nil)) - 1) // the length itself takes one byte
	now := time.Now().UnixMilli()
	batch := kmsg.RecordBatch{
		FirstOffset:          offset,
		PartitionLeaderEpoch: int32(leader),
		Magic:                2,
		Attributes:           attributeControl | attributeTransactional,
		FirstTimestamp:       now,
		MaxTimestamp:         now,
		ProducerID:           by.id,
		ProducerEpoch:        by.epoch,
		FirstSequence:        -1,
		NumRecords:           1,
		Records:              record.AppendTo(nil),
	}
	text := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(text[batchAtLength:], uint32(len(text)-batchLengthFrom))
	binary.BigEndian.PutUint32(text[batchAtCRC:], checksum(text))
	return text
}

func indexEntry(leader uint32, inTransaction bool) []byte {
	entry := make([]byte, indexEntryBytes)
	entry[0] = indexEntryVersion
	binary.LittleEndian.PutUint32(entry[2:], leader)
	if inTransaction {
		entry[14] = 1
	}
	entry[1] = byte(crc32.Checksum(entry[2:], crc32.MakeTable(crc32.Castagnoli)))
	return entry
}

// replaceTail makes the file hold text up to length.
func replaceTail(path string, text []byte, length int) error {
	size, err := sizeOf(path)
	if err != nil || size == int64(length) {
		return err
	}
	// A last index entry may be there in part, so the tail is written from before it.
	kept := max(0, min(size, int64(length))-indexEntryBytes)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	_, err = file.WriteAt(text[kept:length], kept)
	if err := errors.Join(err, file.Truncate(int64(length)), file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("repairing %s: %w", path, err)
	}
	return nil
}

func appendDurable(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	_, err = file.Write(text)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
