package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// Limits of shape, in lines. They are ceilings; the aim is half of each.
const (
	fileLinesMax     = 400
	functionLinesMax = 70
)

// checkFileLength bounds files that people write.
func checkFileLength(tree Tree) []Finding {
	var found []Finding
	for _, file := range tree.goFiles(".") {
		if lines := bytes.Count(file.Text, []byte("\n")); !file.Generated && lines > fileLinesMax {
			found = append(found, Finding{Path: file.Path, Message: fmt.Sprintf("%d lines, at most %d: it is two things; give the second a file of its own", lines, fileLinesMax)})
		}
	}
	return found
}

// checkFunctionLength bounds functions and function literals that people write.
func checkFunctionLength(tree Tree) []Finding {
	var found []Finding
	for _, file := range tree.goFiles(".") {
		if file.Generated {
			continue
		}
		for node := range ast.Preorder(file.Go) {
			name, ok := functionName(node)
			if lines := file.Line(node.End()) - file.Line(node.Pos()) + 1; ok && lines > functionLinesMax {
				found = append(found, file.find(node.Pos(), "%s has %d lines, at most %d: branch here, and move the loops and leaves into functions", name, lines, functionLinesMax))
			}
		}
	}
	return found
}

func functionName(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.FuncDecl:
		return n.Name.Name, true
	case *ast.FuncLit:
		return "a function literal", true
	}
	return "", false
}

// emptyNames say where code was put, not what it is.
var emptyNames = []string{"base", "common", "core", "helper", "helpers", "manager", "misc", "pkg", "service", "services", "shared", "util", "utils"}

// checkPackageName refuses packages and folders whose name says nothing.
func checkPackageName(tree Tree) []Finding {
	var found []Finding
	for _, file := range tree.goFiles(".") {
		name := strings.TrimSuffix(file.Go.Name.Name, "_test")
		for _, word := range append(strings.Split(path.Dir(file.Path), "/"), name) {
			if slices.Contains(emptyNames, word) {
				found = append(found, file.find(file.Go.Package, "%q names nothing: name the package after the noun or the rule it holds", word))
				break
			}
		}
	}
	return found
}
