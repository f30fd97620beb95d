package tidy

import (
	"slices"
	"strconv"
	"strings"
)

// layers says what each folder may import of the project, most particular folder first. Imports point one way:
//
//	schemas <- streams <- processors      schemas <- streams/feed <- sinks      everything <- ops <- cmd
//
// A folder may always import itself and what is below it, unless it is named exact here.
var layers = []struct {
	folder string
	may    []string
	why    string
}{
	{"schemas", []string{"schemas"}, "schemas hold the nouns and import nothing else of the project"},
	{"streams/engine", []string{"schemas", "=streams", "streams/feed", "streams/engine"}, "the engine serves processors without knowing any"},
	{"streams/feed", []string{"schemas", "=streams", "streams/feed"}, "a feed moves bytes; it knows no engine and no process"},
	{"streams/sim", []string{"schemas", "streams", "processors"}, "the simulator runs the registry of processes and nothing at the edges"},
	{"streams", []string{"schemas", "=streams"}, "streams is the vocabulary: it imports schemas alone"},
	{"processors/internal", []string{"schemas", "=streams", "processors/internal"}, "calculators serve processes without knowing any"},
	{"processors/model", []string{"processors/model"}, "the model is written apart: what it shares with the processes, be it a name's recipe, it cannot find wrong"},
	{"processors", []string{"schemas", "=streams", "processors/internal", "own"}, "a process imports schemas, streams and the calculators; " +
		"it never imports another process, the engine or an edge: send a command, or wire it in cmd"},
	{"sinks", []string{"schemas", "=streams", "streams/feed", "sinks/internal", "own"}, "a sink is one edge: it imports schemas, streams, feeds and what sinks share, " +
		"never another sink; tie them together in cmd"},
	{"ops", []string{"schemas", "streams", "processors", "sinks", "ops"}, "imports point from cmd to ops, never back"},
	{"cmd", []string{"."}, ""},
}

// checkImports holds the import directions. Tests of streams and sinks may import anything but cmd: they prove the parts
// together.
func checkImports(tree Tree) []Finding {
	var found []Finding
	for _, file := range tree.goFiles("schemas", "streams", "processors", "sinks", "ops", "cmd") {
		for _, spec := range file.Go.Imports {
			target, ours := projectImport(spec.Path.Value)
			if why, ok := allowed(file, target); ours && !ok {
				found = append(found, file.find(spec.Pos(), "%s must not import %s: %s", file.Dir(), target, why))
			}
		}
	}
	return found
}

// projectImport returns the folder that a quoted import path names, if it is one of the project's.
func projectImport(quoted string) (string, bool) {
	name, err := strconv.Unquote(quoted)
	if err != nil {
		return "", false
	}
	if name == Module {
		return ".", true
	}
	return strings.CutPrefix(name, Module+"/")
}

func allowed(file *File, target string) (why string, ok bool) {
	if file.Test() && (within(file.Path, "streams") || within(file.Path, "sinks")) {
		return "the commands are the outermost layer", !within(target, "cmd")
	}
	if file.Dir() == "processors" && within(target, "processors") {
		return "", true // the registry names every process
	}
	if file.Test() && file.Dir() == "processors/model" {
		return "the model's test plays to every process", within(target, "processors") || within(target, "schemas") || target == "streams" || target == "streams/sim"
	}
	for _, layer := range layers {
		if within(file.Path, layer.folder) {
			return layer.why, slices.ContainsFunc(layer.may, func(may string) bool { return covers(may, file.Dir(), target) })
		}
	}
	return "", true
}

// covers reports whether target is what may stands for: a folder and all below it, exactly one package (=), or the own unit.
func covers(may, dir, target string) bool {
	if exact, ok := strings.CutPrefix(may, "="); ok {
		return target == exact
	}
	if may == "own" {
		return within(target, unit(dir)) || areaInternal(dir, target)
	}
	return within(target, may)
}

// kernel names the processors that lie directly below processors; all others lie in an area.
var kernel = []string{"intake", "pot", "dealing"}

// unit is the folder of the process or the sink that a package belongs to.
func unit(dir string) string {
	parts := strings.Split(dir, "/")
	depth := 2
	if parts[0] == "processors" && len(parts) > 2 && !slices.Contains(kernel, parts[1]) {
		depth = 3
	}
	return strings.Join(parts[:min(depth, len(parts))], "/")
}

// areaInternal reports a package that the processes of one area share, as Go's own rule for internal folders has it.
func areaInternal(dir, target string) bool {
	parts := strings.Split(dir, "/")
	return parts[0] == "processors" && len(parts) > 2 && within(target, strings.Join(parts[:2], "/")+"/internal")
}
