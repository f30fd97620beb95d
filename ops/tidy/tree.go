package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Module is the import path of the project.
const Module = "github.com/penstock-ledger/penstock"

// fileBytesMax bounds the files that are read as text, in bytes; what is larger is data.
const fileBytesMax = 1 << 20

// Finding is one place that breaks a rule.
type Finding struct {
	// Path is relative to the root of the tree.
	Path string
	// Line counts from 1; it is 0 when the finding concerns the whole file.
	Line int
	// Message says what is wrong and what to do about it.
	Message string
}

// String is the finding as compilers write theirs, so that editors can jump to it.
func (f Finding) String() string {
	if f.Line == 0 {
		return f.Path + ": " + f.Message
	}
	return fmt.Sprintf("%s:%d: %s", f.Path, f.Line, f.Message)
}

// File is one text file of the tree.
type File struct {
	Path string
	Text []byte
	// Go is the parsed source, nil for other files and for test data.
	Go *ast.File
	// Generated reports a Go file that a program wrote.
	Generated bool

	positions *token.FileSet
}

// Dir is the folder of the file; "." is the root.
func (f *File) Dir() string { return path.Dir(f.Path) }

// Test reports a file that is compiled into tests only.
func (f *File) Test() bool { return strings.HasSuffix(f.Path, "_test.go") }

// Line is the line of a node of f.Go.
func (f *File) Line(pos token.Pos) int { return f.positions.Position(pos).Line }

func (f *File) find(pos token.Pos, message string, args ...any) Finding {
	return Finding{Path: f.Path, Line: f.Line(pos), Message: fmt.Sprintf(message, args...)}
}

// Tree is the text of the project, in path order.
type Tree struct {
	Files []*File
	// Broken lists the Go files that do not parse.
	Broken []Finding
}

// File returns the file at a path, or nil.
func (t Tree) File(name string) *File {
	at, found := slices.BinarySearchFunc(t.Files, name, func(f *File, name string) int { return strings.Compare(f.Path, name) })
	if !found {
		return nil
	}
	return t.Files[at]
}

// Load reads every text file below root, except what tools keep there: hidden folders other than .ci, and bin.
func Load(root fs.FS) (Tree, error) {
	var tree Tree
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if skipped(name) {
				return fs.SkipDir
			}
			return nil
		}
		return tree.add(root, name, entry)
	})
	if err != nil {
		return Tree{}, fmt.Errorf("reading the tree: %w", err)
	}
	slices.SortFunc(tree.Files, func(a, b *File) int { return strings.Compare(a.Path, b.Path) })
	return tree, nil
}

func skipped(dir string) bool {
	base := path.Base(dir)
	hidden := strings.HasPrefix(base, ".") && base != "." && base != ".ci"
	return hidden || dir == "bin"
}

func (t *Tree) add(root fs.FS, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > fileBytesMax {
		return nil
	}
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	if bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text) {
		return nil
	}
	file := &File{Path: name, Text: text}
	if path.Ext(name) == ".go" && !strings.Contains("/"+name, "/testdata/") {
		t.parse(file)
	}
	t.Files = append(t.Files, file)
	return nil
}

func (t *Tree) parse(file *File) {
	file.positions = token.NewFileSet()
	parsed, err := parser.ParseFile(file.positions, file.Path, file.Text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Broken = append(t.Broken, Finding{Path: file.Path, Message: err.Error()})
		return
	}
	file.Go = parsed
	file.Generated = ast.IsGenerated(parsed)
}

// goFiles yields the parsed Go files below any of the folders; "." stands for the whole tree.
func (t Tree) goFiles(folders ...string) []*File {
	var found []*File
	for _, file := range t.Files {
		if file.Go != nil && slices.ContainsFunc(folders, func(folder string) bool { return within(file.Path, folder) }) {
			found = append(found, file)
		}
	}
	return found
}

// within reports whether a path is a folder or lies below it.
func within(name, folder string) bool {
	return folder == "." || name == folder || strings.HasPrefix(name, folder+"/")
}
