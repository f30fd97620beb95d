package tidy

// Rule is one promise about the tree.
type Rule struct {
	// Name stands in waivers and in the names of tests. It is frozen once released.
	Name string
	// Check returns every place that breaks the promise, in tree order.
	Check func(Tree) []Finding
}

// Rules lists all rules.
func Rules() []Rule {
	return []Rule{
		{"parses", func(t Tree) []Finding { return t.Broken }},
		{"imports", checkImports},
		{"libraries", checkLibraries},
		{"pure-imports", checkPureImports},
		{"clock", checkClock},
		{"sleep", checkSleep},
		{"random-id", checkRandomID},
		{"goroutine", checkGoroutine},
		{"float", checkFloat},
		{"init", checkInit},
		{"file-length", checkFileLength},
		{"function-length", checkFunctionLength},
		{"package-name", checkPackageName},
		{"todo", checkTODO},
		{"machine-path", checkMachinePath},
		{"registry-host", checkRegistryHost},
		{"module-record", checkModuleRecord},
		{"runbook", checkRunbook},
		{"compose", checkCompose},
	}
}
