package tidy

import (
	"path"
	"regexp"
	"strings"
)

// reminder matches the usual marks of unfinished work, with the issue that it belongs to where there is one.
var reminder = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b(\(#[0-9]+\))?`)

// checkTODO wants unfinished work to be an issue. Prose about the rule is no work, so Markdown is left out, and of Go files
// only the comments are read.
func checkTODO(tree Tree) []Finding {
	var found []Finding
	for _, file := range tree.Files {
		switch {
		case file.Go != nil:
			for _, group := range file.Go.Comments {
				for _, comment := range group.List {
					found = append(found, remindersIn(file, comment.Text, file.Line(comment.Pos()))...)
				}
			}
		case path.Ext(file.Path) != ".md" && path.Ext(file.Path) != ".go":
			found = append(found, remindersIn(file, string(file.Text), 1)...)
		}
	}
	return found
}

func remindersIn(file *File, text string, first int) []Finding {
	var found []Finding
	for offset, line := range strings.Split(text, "\n") {
		for _, match := range reminder.FindAllStringSubmatch(line, -1) {
			if match[2] == "" {
				found = append(found, Finding{Path: file.Path, Line: first + offset, Message: match[1] + " without an issue: do it now, or file one and write " + match[1] + "(#12)"})
			}
		}
	}
	return found
}

// machinePath matches paths that exist on one person's machine only.
var machinePath = regexp.MustCompile(`(?:^|[^\w.:/-])/(?:work|root|home/[a-z]\w*|Users/[A-Za-z]\w*)/|\.\./shared`)

// checkMachinePath wants the tree to work wherever it is put.
func checkMachinePath(tree Tree) []Finding {
	return matchLines(tree, machinePath, "is a path on one machine: make it relative to the tree, or an option")
}

// registryHost matches the hosts of package registries. The names are joined here so that this file does not break its rule.
var registryHost = regexp.MustCompile(strings.Join([]string{
	`(?:proxy|sum)\.` + `golang\.org`, `pypi\.` + `org`, `pythonhosted\.` + `org`, `registry\.` + `npmjs`, `(?:repo1?|central)\.` + `maven`, `static\.` + `crates`, `deb\.` + `debian`,
}, "|"))

// checkRegistryHost wants packages to be fetched by their name, through whatever registry the machine is set up with.
func checkRegistryHost(tree Tree) []Finding {
	return matchLines(tree, registryHost, "is the host of a package registry: name the package and leave the registry to the machine")
}

// matchLines finds a pattern in every line of every file.
func matchLines(tree Tree, pattern *regexp.Regexp, message string) []Finding {
	var found []Finding
	for _, file := range tree.Files {
		if !pattern.Match(file.Text) {
			continue
		}
		for at, line := range strings.Split(string(file.Text), "\n") {
			if match := pattern.FindString(line); match != "" {
				found = append(found, Finding{Path: file.Path, Line: at + 1, Message: strings.TrimSpace(match) + " " + message})
			}
		}
	}
	return found
}
