package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// source is one .avsc before and while it is read.
type source struct {
	path  string
	base  string // file name without extension
	area  *area
	text  value
	state sourceState
}

type sourceState uint8

const (
	unread sourceState = iota
	reading
	read
)

// catalogue is every schema of the schemas folder. A type may be used in any file; the file that defines it is read
// first.
type catalogue struct {
	areas       map[string]*area // by folder
	sources     []*source
	homes       map[string]*source   // the file that defines a full name
	named       map[string]*avroType // by full name
	definitions map[string]value     // by full name
}

// load reads the files and notes which types each defines.
func load(paths []string) (*catalogue, error) {
	c := &catalogue{
		areas: map[string]*area{}, homes: map[string]*source{},
		named: map[string]*avroType{}, definitions: map[string]value{},
	}
	slices.Sort(paths)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading a schema: %w", err)
		}
		v, err := parseJSON(text)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		folder := filepath.Dir(path)
		a := c.areas[folder]
		if a == nil {
			a = &area{name: filepath.Base(folder), unions: map[string]*avroType{}, goNames: map[string]string{}}
			c.areas[folder] = a
		}
		s := &source{path: path, base: strings.TrimSuffix(filepath.Base(path), ".avsc"), area: a, text: v}
		c.sources = append(c.sources, s)
		c.noteHomes(s, v)
	}
	return c, nil
}

// noteHomes remembers that s defines each named type in v.
func (c *catalogue) noteHomes(s *source, v value) {
	switch v.str("type") {
	case "record", "enum", "fixed":
		c.homes[fullName(namespaceRoot+s.area.name, v.str("name"))] = s
	}
	for _, item := range v.items {
		c.noteHomes(s, item)
	}
	for _, m := range v.members {
		c.noteHomes(s, m.value)
	}
}

// parseAll reads all files, and joins what is wrong with each.
func (c *catalogue) parseAll() error {
	var problems []error
	for _, s := range c.sources {
		if s.state == unread {
			problems = append(problems, c.parseSource(s))
		}
	}
	return errors.Join(problems...)
}

func (c *catalogue) parseSource(s *source) error {
	s.state = reading
	err := c.parse(s)
	s.state = read
	if err != nil {
		return fmt.Errorf("reading %s: %w", s.path, err)
	}
	return nil
}

// find gives the type of a full name. If another file defines it, that is read now.
func (c *catalogue) find(full string) (*avroType, error) {
	if t, ok := c.named[full]; ok {
		return t, nil
	}
	home, ok := c.homes[full]
	switch {
	case !ok:
		return nil, fmt.Errorf("type %q is not defined anywhere", full)
	case home.state == reading:
		return nil, fmt.Errorf("type %q is used before %s defines it", full, home.path)
	case home.state == unread:
		if err := c.parseSource(home); err != nil {
			return nil, err
		}
	}
	if t, ok := c.named[full]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("type %q could not be read from %s", full, home.path)
}
