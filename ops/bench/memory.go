package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// sampleEvery is how often Postgres's memory is looked at. What comes and goes between two looks is not seen.
	sampleEvery = 100 * time.Millisecond
	// ticksPerSecond is the unit of CPU times in /proc; it has been 100 on Linux for all programs to see since ever.
	ticksPerSecond = 100
	kibibyte       = 1024
)

// Use is what a part of the system used of the machine.
type Use struct {
	// PeakBytes is the most memory that it held at a time, CPUSeconds the time of all its processors together.
	PeakBytes  int64   `json:"peak_bytes"`
	CPUSeconds float64 `json:"cpu_seconds"`
}

// memoryWatch samples the memory of the Postgres server that is this process's child; of this process itself the kernel knows
// the peak. On systems without /proc it sees nothing, and reports zeros.
type memoryWatch struct {
	mutex          sync.Mutex
	postgres       int64
	cancel         context.CancelFunc
	done           chan struct{}
	postgresServer int
}

func watchMemory(ctx context.Context) *memoryWatch {
	ctx, cancel := context.WithCancel(ctx)
	w := &memoryWatch{cancel: cancel, done: make(chan struct{}), postgresServer: postgresChild()}
	go func() {
		defer close(w.done)
		ticker := time.NewTicker(sampleEvery)
		defer ticker.Stop()
		for {
			w.look()
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return w
}

func (w *memoryWatch) look() {
	postgres := int64(0)
	shared := int64(0)
	for _, pid := range w.postgresPIDs() {
		// The shared buffers are in every one of the server's processes, and are there once.
		status := processStatus(pid)
		postgres += status["RssAnon"]
		shared = max(shared, status["RssShmem"])
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.postgres = max(w.postgres, postgres+shared)
}

// peaks returns the most that this process and Postgres held so far.
func (w *memoryWatch) peaks() (own, postgres int64) {
	w.look()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return processStatus(os.Getpid())["VmHWM"], w.postgres
}

func (w *memoryWatch) stop() {
	w.cancel()
	<-w.done
}

// cpu returns the CPU seconds that this process and Postgres have used so far. A backend of Postgres that has ended is counted
// with its parent.
func (w *memoryWatch) cpu() (own, postgres float64) {
	own = cpuSeconds(os.Getpid(), false)
	for _, pid := range w.postgresPIDs() {
		postgres += cpuSeconds(pid, pid == w.postgresServer)
	}
	return own, postgres
}

// processStatus returns the sizes of a process in bytes, by the names that the kernel gives them.
func processStatus(pid int) map[string]int64 {
	sizes := make(map[string]int64)
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return sizes // not this system's way, or the process is gone
	}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		if len(fields) == 2 && fields[1] == "kB" {
			if n, err := strconv.ParseInt(fields[0], 10, 64); err == nil {
				sizes[name] = n * kibibyte
			}
		}
	}
	return sizes
}

// procStat returns the command and the fields after it of a process's stat file, nil where there is none.
func procStat(pid int) (command string, fields []string) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", nil
	}
	begin, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if begin < 0 || end < begin {
		return "", nil
	}
	return string(text[begin+1 : end]), strings.Fields(string(text[end+1:]))
}

// Where things stand in a stat file after the command.
const (
	statParent       = 1
	statUserTime     = 11
	statSystemTime   = 12
	statChildrenUser = 13
	statChildrenSys  = 14
)

func cpuSeconds(pid int, withEnded bool) float64 {
	_, fields := procStat(pid)
	if len(fields) <= statChildrenSys {
		return 0
	}
	columns := []int{statUserTime, statSystemTime}
	if withEnded {
		columns = append(columns, statChildrenUser, statChildrenSys)
	}
	total := int64(0)
	for _, column := range columns {
		n, err := strconv.ParseInt(fields[column], 10, 64)
		if err == nil {
			total += n
		}
	}
	return float64(total) / ticksPerSecond
}

// postgresChild returns the server that this process runs, 0 if it runs none.
func postgresChild() int {
	folders, _ := filepath.Glob("/proc/[0-9]*") // the pattern is right
	own := strconv.Itoa(os.Getpid())
	for _, folder := range folders {
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			continue
		}
		if command, fields := procStat(pid); command == "postgres" && len(fields) > statParent && fields[statParent] == own {
			return pid
		}
	}
	return 0
}

// postgresPIDs are the server and its children. It has one thread, so one file names them all.
func (w *memoryWatch) postgresPIDs() []int {
	if w.postgresServer == 0 {
		return nil
	}
	pids := []int{w.postgresServer}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", w.postgresServer, w.postgresServer))
	if err != nil {
		return pids
	}
	for _, field := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
