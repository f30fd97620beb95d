package model

import (
	"fmt"
	"strconv"
)

// choice is how a pot's contributions are invested: by a split, or by a path that counts to a date.
type choice struct {
	split, path string
	target      day
}

// rowsFrom are the splits of a path from a date on, by the least whole years to the target date.
type rowsFrom struct {
	from  day
	split map[int]string
}

// yearsMost is the most years that a row of a path may have.
const yearsMost = 100

// learnPath reads rows such as 10-years=GB00X:1.
func (w *World) learnPath(line Line) {
	rows := rowsFrom{w.dateIn(line, "from"), make(map[int]string)}
	for years := range yearsMost + 1 {
		if name := strconv.Itoa(years) + "-years"; line.Has(name) {
			rows.split[years] = line.Get(name, "")
		}
	}
	code := line.Get("path", "LIFESTYLE")
	w.paths[code] = append(w.paths[code], rows)
}

// choose makes what is asked the pot's choice; nothing takes it back.
func (a *asked) choose() {
	c := &choice{a.line.Get("split", ""), a.line.Get("path", ""), day(a.line.Get("target", ""))}
	if c.path != "" && a.rowsOn(c.path) == nil {
		a.refuse("pot/unknown-path")
		return
	}
	if c.split == "" && c.path == "" {
		c = nil
	}
	a.pot.choice = c
	a.accept()
}

// rowsOn returns what holds of a path today, or nil.
func (w *World) rowsOn(path string) *rowsFrom {
	var found *rowsFrom
	for i := range w.paths[path] {
		if rows := &w.paths[path][i]; rows.from <= w.today() && (found == nil || rows.from >= found.from) {
			found = rows
		}
	}
	return found
}

// chosen returns the split by which the pot's contributions are invested today, empty where there is none.
func (a *asked) chosen() string {
	c := a.pot.choice
	switch {
	case c == nil:
		return ""
	case c.path == "":
		return c.split
	}
	rows := a.rowsOn(c.path)
	for years := yearsMost; years > 0; years-- {
		// A date that there is not, such as a 29 February, stands in its place among those that there are.
		anniversary := day(fmt.Sprintf("%04d%s", c.target.time().Year()-years, c.target[4:]))
		if split := rows.split[years]; split != "" && a.today() <= anniversary {
			return split
		}
	}
	return rows.split[0]
}
