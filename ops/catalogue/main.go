// Command catalogue writes the data catalogue from the schemas of the topics: what each topic carries, and what each field means, is counted in, looks like,
// and who may see it.
//
//	go run ./ops/catalogue -output ops/docs/reference/catalogue.md
//
// Meanings are the schemas' own. Units, examples and sensitivity follow from the type of a field and, where that says too little, from its name: terms.go and
// sensitivity.go have each term once. A field of which they say nothing is an error, so nothing is released that nobody classed.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"

	"github.com/penstock-ledger/penstock/streams"
)

//go:generate go run . -output ../docs/reference/catalogue.md

func main() {
	output := flag.String("output", "", "file to write instead of standard output")
	flag.Parse()
	if err := run(*output); err != nil {
		fmt.Fprintln(os.Stderr, "catalogue:", err)
		os.Exit(1)
	}
}

func run(output string) error {
	var text bytes.Buffer
	if err := write(&text, streams.Topics()); err != nil {
		return err
	}
	if output == "" {
		_, err := os.Stdout.Write(text.Bytes())
		return err
	}
	return os.WriteFile(output, text.Bytes(), 0o644) //nolint:gosec // documentation is for everybody
}
