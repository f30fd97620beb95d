package tidy

import (
	"bytes"
	"go/ast"
	"slices"
)

// sequentialPackages are those in which nothing runs beside anything else. `make sequential` tests them without the race detector, by this list.
const sequentialPackages = "./streams/sim ./ops/invariants ./processors/... ./streams ./schemas/... ./ops/history"

const goroutineFound = "a goroutine in sequential code: start it in cmd, streams/engine, streams/feed, sinks or ops, with an owner that waits for it"

// checkGoroutine keeps goroutines where somebody owns and awaits them. It holds the tests of sequential packages, too: a race there would go unnoticed.
func checkGoroutine(tree Tree) []Finding {
	var found []Finding
	for _, file := range slices.Concat(pureFiles(tree), tree.goFiles("ops/history", "ops/invariants")) {
		for node := range ast.Preorder(file.Go) {
			switch n := node.(type) {
			case *ast.GoStmt:
				found = append(found, file.find(n.Pos(), goroutineFound))
			case *ast.CallExpr:
				// sync.WaitGroup.Go, and whatever else starts one by that name.
				if called, ok := n.Fun.(*ast.SelectorExpr); ok && called.Sel.Name == "Go" {
					found = append(found, file.find(n.Pos(), goroutineFound))
				}
			case *ast.SelectorExpr:
				if file.Test() && n.Sel.Name == "Parallel" {
					found = append(found, file.find(n.Pos(), "a parallel test of a sequential package, which is tested without the race detector: let it run by itself"))
				}
			}
		}
	}
	if commands := tree.File("Makefile"); commands != nil && !bytes.Contains(commands.Text, []byte("\nSEQUENTIAL := "+sequentialPackages+"\n")) {
		found = append(found, Finding{Path: commands.Path, Message: "SEQUENTIAL is not the list of packages that the rule looks at: " + sequentialPackages})
	}
	return found
}
