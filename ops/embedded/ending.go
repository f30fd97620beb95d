package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The broker ends a transaction by writing a marker into one partition after the
// other, and last a line into producersFile. A kill between two markers leaves it
// committed here and open there, and the next start takes open for aborted: half
// of a commit is gone. So each end is noted before it is begun. The broker ends
// one transaction at a time, so the last note is all that is ever needed.
const (
	endingFile      = "ending"
	producersFile   = "pids.log"
	endingNoteBytes = 23
)

// ending is the note of a transaction's end.
type ending struct {
	producer int64
	epoch    int16
	commit   bool
	// producersBytes is how long producersFile was. If it has not grown, the
	// broker did not come to the end of the end.
	producersBytes int64
}

// noteEndings has every end of a transaction noted. A note that can't be written
// stops nothing, but it is a fault: the next kill could tear a commit.
func noteEndings(cluster *kfake.Cluster, dir string, fault func(error)) (closeNote func() error, err error) {
	file, err := os.OpenFile(filepath.Join(dir, endingFile), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the note of transactions' ends: %w", err)
	}
	cluster.ControlKey(int16(kmsg.EndTxn), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		end, ok := request.(*kmsg.EndTxnRequest)
		if !ok {
			return nil, nil, false
		}
		length, err := sizeOf(filepath.Join(dir, producersFile))
		if err == nil {
			note := ending{producer: end.ProducerID, epoch: end.ProducerEpoch, commit: end.Commit, producersBytes: length}
			_, err = file.WriteAt(note.encode(), 0)
		}
		if err != nil {
			fault(fmt.Errorf("noting the end of a transaction: %w", err))
		}
		return nil, nil, false
	})
	return file.Close, nil
}

func (e ending) encode() []byte {
	text := binary.BigEndian.AppendUint64(nil, uint64(e.producer))
	text = binary.BigEndian.AppendUint16(text, uint16(e.epoch))
	if e.commit {
		text = append(text, 1)
	} else {
		text = append(text, 0)
	}
	text = binary.BigEndian.AppendUint64(text, uint64(e.producersBytes))
	return binary.BigEndian.AppendUint32(text, crc32.ChecksumIEEE(text))
}

// unfinishedCommit reads the note. It returns false if there is none, if it is
// not whole (then the end was not begun), or if that end was completed or was an abort.
func unfinishedCommit(dir string) (ending, bool, error) {
	text, err := os.ReadFile(filepath.Join(dir, endingFile))
	if errors.Is(err, fs.ErrNotExist) {
		return ending{}, false, nil
	}
	if err != nil {
		return ending{}, false, fmt.Errorf("reading the note of a transaction's end: %w", err)
	}
	if len(text) != endingNoteBytes || crc32.ChecksumIEEE(text[:19]) != binary.BigEndian.Uint32(text[19:]) {
		return ending{}, false, nil
	}
	note := ending{
		producer:       int64(binary.BigEndian.Uint64(text)),
		epoch:          int16(binary.BigEndian.Uint16(text[8:])),
		commit:         text[10] == 1,
		producersBytes: int64(binary.BigEndian.Uint64(text[11:])),
	}
	length, err := sizeOf(filepath.Join(dir, producersFile))
	if err != nil {
		return ending{}, false, err
	}
	return note, note.commit && length == note.producersBytes, nil
}

func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("measuring %s: %w", path, err)
	}
	return info.Size(), nil
}
