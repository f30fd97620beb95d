package embedded

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	generationFile = "generation"
	uncleanFile    = "unclean-stop"
)

// generation counts the broker's lives between stops that were not clean.
type generation struct {
	folder           *folder
	number           int
	afterUncleanStop bool
}

// beginGeneration finds out how the last stop went and prepares for this one
// to go wrong: the marker it leaves is taken away only by end. Everything is on
// the disk before it returns, so no client can use a suffix that a crash would
// give out again. A crash between the two writes only skips a number.
func beginGeneration(folder *folder) (generation, error) {
	text, err := folder.read(generationFile)
	if err != nil {
		return generation{}, err
	}
	current := generation{folder: folder, number: 1}
	if text != "" {
		if current.number, err = strconv.Atoi(strings.TrimSpace(text)); err != nil {
			return generation{}, fmt.Errorf("reading %s: %w", folder.path(generationFile), err)
		}
	}
	marker, err := folder.read(uncleanFile)
	if err != nil {
		return generation{}, err
	}
	if current.afterUncleanStop = marker != ""; current.afterUncleanStop {
		current.number++
	}
	if err := folder.write(generationFile, fmt.Sprintln(current.number)); err != nil {
		return generation{}, err
	}
	const explanation = "The broker of this folder runs, or was stopped without being closed.\n"
	return current, folder.write(uncleanFile, explanation)
}

// end records that the broker has written everything down.
func (g generation) end() error { return g.folder.remove(uncleanFile) }

func (g generation) suffix() string { return "g" + strconv.Itoa(g.number) }
