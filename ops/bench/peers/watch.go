package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// lookEvery is the time between two looks at the output topic.
	lookEvery = 25 * time.Millisecond
	// settledAfter is how long nothing may happen until it is asked whether a run is over: many times longer than anybody's commit interval.
	settledAfter = 1500 * time.Millisecond
	// runTimeMax bounds a run of a candidate.
	runTimeMax = 10 * time.Minute
)

// look is how far the output topic had come at a moment: per partition, the offset up to which everything is decided. Offsets
// count commit markers, too; what they stand for in records is found out afterwards.
type look struct {
	at     time.Time
	stable [partitions]int64
}

func (l *look) sum() int64 {
	sum := int64(0)
	for _, offset := range l.stable {
		sum += offset
	}
	return sum
}

// watched is what was seen of a run.
type watched struct {
	// began is when the first output record lay on the broker, committed or not.
	began time.Time
	looks []look
}

// watch looks at a candidate's output until all that is due has been committed and nothing more comes. Offsets count markers, too, and on a busy machine anybody
// may pause: once nothing comes the output is read, and one that lacks something is watched on.
func (c *comparison) watch(ctx context.Context, j job, candidate *child) (*watched, error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeMax)
	defer cancel()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	w := &watched{}
	var read time.Time
	for missing := c.config.Records; ; {
		select {
		case <-ticker.C:
		case <-candidate.done:
			return nil, fmt.Errorf("it ended before its work did: %w", errors.Join(errEnded, candidate.fate()))
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting until all is committed, %d of %d inputs have no output: %w", missing, c.config.Records, context.Cause(ctx))
		}
		if err := c.look(ctx, w, j.Output); err != nil {
			return nil, err
		}
		if !w.rests(c.config.Records) || time.Since(read) < settledAfter {
			continue
		}
		var err error
		if missing, err = lacks(ctx, j, c.config.Records); missing == 0 || err != nil {
			return w, err
		}
		read = time.Now()
	}
}

// rests says that there is room for so many records, and that nothing has come for a while.
func (w *watched) rests(records int) bool {
	n := len(w.looks)
	return n > 0 && w.looks[n-1].sum() >= int64(records) && time.Since(w.looks[n-1].at) >= settledAfter
}

var errEnded = errors.New("the candidate has ended")

// look adds what is new.
func (c *comparison) look(ctx context.Context, w *watched, topic string) error {
	if w.began.IsZero() {
		ends, err := c.admin.ListEndOffsets(ctx, topic)
		if err != nil {
			return fmt.Errorf("asking for the end of %s: %w", topic, err)
		}
		for _, end := range ends[topic] {
			if end.Err != nil {
				return fmt.Errorf("asking for the end of %s: %w", topic, end.Err)
			}
			if end.Offset > 0 {
				w.began = time.Now()
			}
		}
	}
	offsets, err := c.admin.ListCommittedOffsets(ctx, topic)
	if err != nil {
		return fmt.Errorf("asking how far %s is committed: %w", topic, err)
	}
	now := look{at: time.Now()}
	for partition, offset := range offsets[topic] {
		if offset.Err != nil {
			return fmt.Errorf("asking how far %s is committed: %w", topic, offset.Err)
		}
		now.stable[partition] = offset.Offset
	}
	if n := len(w.looks); now.sum() > 0 && (n == 0 || w.looks[n-1].stable != now.stable) {
		w.looks = append(w.looks, now)
	}
	return nil
}

// measured turns looks into rates, now that it is known which offsets are records.
func measured(w *watched, found *found, records int) (*run, error) {
	// at returns the first look by which so many records were readable.
	at := func(want int) (time.Time, int, error) {
		for i := range w.looks {
			if have := found.readable(&w.looks[i]); have >= want {
				return w.looks[i].at, have, nil
			}
		}
		return time.Time{}, 0, fmt.Errorf("nobody saw %d records become readable", want)
	}
	half, before, err := at(records / 2)
	if err != nil {
		return nil, err
	}
	end, _, err := at(records)
	if err != nil {
		return nil, err
	}
	r := &run{Seconds: end.Sub(w.began).Seconds(), Outputs: found.outputs, Doubled: found.doubled, Counted: found.counted, ChangelogRecords: found.changes}
	if r.Seconds > 0 {
		r.RecordsPerSecond = float64(records) / r.Seconds
	}
	if second := end.Sub(half).Seconds(); second > 0 {
		r.SecondHalfPerSecond = float64(records-before) / second
	}
	return r, nil
}

// readable is how many output records a look says are readable.
func (f *found) readable(l *look) int {
	total := 0
	for partition, offset := range l.stable {
		n, _ := slices.BinarySearch(f.offsets[partition], offset)
		total += n
	}
	return total
}
