package tidy

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// moduleRecord is the page that says why each module is there.
const moduleRecord = "ops/docs/decisions/modules.md"

// recorded matches a row of that page: the module path stands first, in code marks.
var recorded = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

// checkModuleRecord wants a reason for each module that the product requires directly, and no reason for one that is gone.
func checkModuleRecord(tree Tree) []Finding {
	mod := tree.File("go.mod")
	if mod == nil {
		return nil
	}
	required := directRequires(string(mod.Text))
	var rows []string
	if page := tree.File(moduleRecord); page != nil {
		for _, match := range recorded.FindAllStringSubmatch(string(page.Text), -1) {
			rows = append(rows, match[1])
		}
	}
	var found []Finding
	for _, module := range required {
		if !slices.Contains(rows, module) {
			found = append(found, Finding{Path: "go.mod", Message: module + " has no record: add one line to " + moduleRecord + " that says why it is needed and what else was considered"})
		}
	}
	for _, row := range rows {
		if !slices.Contains(required, row) {
			found = append(found, Finding{Path: moduleRecord, Message: row + " is no longer required by go.mod: remove its line"})
		}
	}
	return found
}

// directRequires reads the module paths of a go.mod that are not marked indirect.
func directRequires(mod string) []string {
	var modules []string
	block := false
	for line := range strings.Lines(mod) {
		line = strings.TrimSpace(line)
		switch line {
		case "require (":
			block = true
			continue
		case ")":
			block = false
		}
		rest, single := strings.CutPrefix(line, "require ")
		if !block && !single || strings.HasSuffix(line, "// indirect") {
			continue
		}
		if fields := strings.Fields(rest); len(fields) >= 2 {
			modules = append(modules, fields[0])
		}
	}
	return modules
}

// alertName matches the name of an alert in a rules file.
var alertName = regexp.MustCompile(`(?m)^\s*(?:- )?alert:\s*"?(\w+)"?`)

// checkRunbook wants a page for each alert: whoever is woken must find what it means and what to do.
func checkRunbook(tree Tree) []Finding {
	var found []Finding
	for _, file := range tree.Files {
		if ext := path.Ext(file.Path); !within(file.Path, "ops/alerts") || ext != ".yaml" && ext != ".yml" {
			continue
		}
		for _, match := range alertName.FindAllStringSubmatch(string(file.Text), -1) {
			if page := "ops/runbooks/" + match[1] + ".md"; tree.File(page) == nil {
				found = append(found, Finding{Path: file.Path, Message: "alert " + match[1] + " has no runbook: write " + page + " (meaning, impact, check, fix, verify)"})
			}
		}
	}
	return found
}
