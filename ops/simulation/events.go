package simulation

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams/engine"
)

// frozenTime is longer than a session: by its end others have taken over, if there are any.
const frozenTime = 2 * sessionTime

// instancesMax bounds the instances that run at once.
const instancesMax = 3

// events are what is still to happen.
type events struct {
	*system
	left   []Event
	struck []Event
	// kept is the disk of the first instance that ended, as it was then.
	kept *vfs.MemFS
}

// agedBy is after how many transactions a disk that was kept is an old one.
const agedBy = 30

// happen lets everything happen whose time has come.
func (e *events) happen(transactions int) error {
	for n := 0; n < len(e.left); n++ {
		event := e.left[n]
		if event.After > transactions {
			continue
		}
		e.left = slices.Delete(e.left, n, n+1)
		n--
		e.struck = append(e.struck, event)
		if err := e.do(&event); err != nil {
			return fmt.Errorf("%s: %w", event, err)
		}
	}
	return nil
}

func (e *events) do(event *Event) error {
	oldest := e.oldest()
	switch event.Do {
	case Join:
		if e.running() >= instancesMax {
			return nil
		}
		return e.start(vfs.NewCrashableMem())
	case Stop:
		return e.replace(oldest, oldest.end, event)
	case Kill:
		return e.replace(oldest, oldest.kill, event)
	case Freeze:
		oldest.wire.Freeze()
		time.AfterFunc(frozenTime, oldest.wire.Thaw)
	case Restart:
		return e.sinks.restart()
	case Beside:
		return e.sinks.start()
	case Audit:
		return e.audit()
	}
	return nil
}

// oldest returns the instance that runs longest, or the last one where none does.
func (e *events) oldest() *instance {
	for _, i := range e.instances {
		if !i.ended() {
			return i
		}
	}
	return e.instances[len(e.instances)-1]
}

func (e *events) running() int {
	count := 0
	for _, i := range e.instances {
		if !i.ended() {
			count++
		}
	}
	return count
}

// replace ends an instance and starts another one on what is left of its disk.
func (e *events) replace(old *instance, end func(), event *Event) error {
	// What the store has not written down yet is lost in a power cut; the end of a process, even a sudden one, is no such thing here.
	crashed := crashedDisk(old)
	end()
	<-old.done
	if event.Disk == DiskOld && e.kept == nil {
		e.left = append(e.left, Event{After: event.After + agedBy, Do: Stop, Disk: DiskOld})
	}
	files, err := e.disk(event.Disk, old, crashed)
	if err != nil {
		return err
	}
	if e.kept == nil {
		e.kept = wholeDisk(old.files)
	}
	return e.start(files)
}

// audit verifies what is booked so far. A database on which no sink has come as far as to found the ledger has nothing to verify yet.
func (e *events) audit() error {
	ctx, auditor := context.Background(), e.sinks.database.auditor
	var founded bool
	if err := auditor.QueryRow(ctx, "select exists (select from ledger.system)").Scan(&founded); err != nil {
		return fmt.Errorf("asking whether there is a ledger: %w", err)
	}
	if !founded {
		return nil
	}
	report, err := postgres.Verify(ctx, auditor, postgres.VerifyOptions{}, nil)
	if err != nil {
		return err
	}
	return complaints(report)
}

// crashes crash shards at their steps.
type crashes struct {
	mutex  sync.Mutex
	plan   []Crash
	seen   map[Crash]int
	struck []Crash
}

func newCrashes(plan []Crash) *crashes { return &crashes{plan: plan, seen: make(map[Crash]int)} }

// comes counts a step and returns the crash that strikes there.
func (c *crashes) comes(process string, at engine.Step) (Crash, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	key := Crash{Process: process, Step: at}
	c.seen[key]++
	for _, crash := range c.plan {
		if crash.Process == process && crash.Step == at && crash.Nth == c.seen[key] {
			c.struck = append(c.struck, crash)
			return crash, true
		}
	}
	return Crash{}, false
}
