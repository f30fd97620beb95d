package tidy

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// pureFiles are the Go files whose result may depend on their input alone: the nouns, the vocabulary, the business and the
// seeded simulator.
func pureFiles(tree Tree) []*File {
	var found []*File
	for _, file := range tree.goFiles("schemas", "streams", "processors") {
		if !within(file.Path, "streams/engine") && !within(file.Path, "streams/feed") {
			found = append(found, file)
		}
	}
	return found
}

// clockReaders are the functions of package time that read or run a clock.
var clockReaders = []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer", "Sleep"}

// checkClock keeps the clock out of pure code: a replay must give the same bytes.
func checkClock(tree Tree) []Finding {
	var found []Finding
	for _, file := range pureFiles(tree) {
		if file.Go.Name.Name == "main" {
			continue
		}
		for _, use := range uses(file, "time", clockReaders) {
			found = append(found, file.find(use.Pos(), "time.%s in pure code: time arrives as a record; take it from the message", use.Sel.Name))
		}
	}
	return found
}

// checkSleep forbids sleeping in tests: it is too short on a slow machine and wasted on a fast one.
func checkSleep(tree Tree) []Finding {
	var found []Finding
	for _, file := range tree.goFiles(".") {
		if !file.Test() {
			continue
		}
		for _, use := range uses(file, "time", []string{"Sleep"}) {
			found = append(found, file.find(use.Pos(), "time.Sleep in a test: wait for the event itself, or run under testing/synctest"))
		}
	}
	return found
}

// randomIDs are the functions of the uuid package whose result nobody can derive again.
var randomIDs = []string{"New", "NewString", "NewRandom", "NewRandomFromReader", "NewUUID", "NewV6", "NewV7"}

// checkRandomID keeps random ids out of pure code: an effect that is decided twice must get the same id twice.
func checkRandomID(tree Tree) []Finding {
	var found []Finding
	for _, file := range pureFiles(tree) {
		if file.Test() {
			continue
		}
		for _, use := range uses(file, "github.com/google/uuid", randomIDs) {
			found = append(found, file.find(use.Pos(), "uuid.%s in pure code: derive the id from source, pot, cause, stage and leg", use.Sel.Name))
		}
	}
	return found
}

// uses returns the selectors that name one of the functions of an imported package.
func uses(file *File, imported string, names []string) []*ast.SelectorExpr {
	local := localName(file, imported)
	if local == "" {
		return nil
	}
	var found []*ast.SelectorExpr
	for node := range ast.Preorder(file.Go) {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok || !slices.Contains(names, selector.Sel.Name) {
			continue
		}
		if name, ok := selector.X.(*ast.Ident); ok && name.Name == local {
			found = append(found, selector)
		}
	}
	return found
}

// localName is the name under which a file knows an imported package, empty if it does not import it.
func localName(file *File, imported string) string {
	for _, spec := range file.Go.Imports {
		if strings.Trim(spec.Path.Value, `"`) != imported {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return imported[strings.LastIndex(imported, "/")+1:]
	}
	return ""
}

// checkFloat keeps floating point out of every path that money, units, prices or weights take. Tests count too: a float there
// compares what must be equal to the last digit. Benchmark files only measure, and the testing package wants floats for that.
func checkFloat(tree Tree) []Finding {
	var found []Finding
	for _, file := range tree.goFiles("schemas", "processors", "sinks") {
		if strings.HasSuffix(file.Path, "bench_test.go") {
			continue
		}
		for node := range ast.Preorder(file.Go) {
			if name, ok := floating(node); ok {
				found = append(found, file.find(node.Pos(), "%s: quantities are whole quanta (schemas.Money, schemas.Units), prices and rates are decimals; "+
					"a file that only measures is waived in ops/tidy/waivers.txt", name))
			}
		}
	}
	return found
}

// floating reports a node that brings a floating-point value in by its type, its literal or a conversion from a decimal.
func floating(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.Ident:
		return n.Name, slices.Contains([]string{"float32", "float64", "complex64", "complex128"}, n.Name)
	case *ast.BasicLit:
		// 1e9 is the readable way to write a whole number; what has a point or a negative exponent is none.
		fraction := n.Kind == token.FLOAT && strings.ContainsAny(n.Value, ".-pP")
		return n.Value, fraction || n.Kind == token.IMAG
	case *ast.SelectorExpr:
		return n.Sel.Name, slices.Contains([]string{"Float64", "InexactFloat64", "NewFromFloat", "NewFromFloat32", "ParseFloat"}, n.Sel.Name)
	}
	return "", false
}

// checkInit forbids init functions: what registers itself cannot be left out, ordered or tested.
func checkInit(tree Tree) []Finding {
	var found []Finding
	for _, file := range tree.goFiles(".") {
		for _, declaration := range file.Go.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil && function.Name.Name == "init" && !file.Generated {
				found = append(found, file.find(function.Pos(), "func init: list what is to be registered where it is wired, in cmd or in the registry of processors"))
			}
		}
	}
	return found
}
