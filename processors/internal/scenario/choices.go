package scenario

import (
	"strconv"
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// path reads the code of a glide path that may be missing.
func (b *builder) path() *schemas.PathCode {
	if !b.Has("path") {
		return nil
	}
	code := schemas.PathCode(b.Get("path", ""))
	return &code
}

// glidePath reads a path and its rows, each an argument of its own: 10-years=GB00X:0.6,GB00Y:0.4.
func (b *builder) glidePath() *reference.GlidePath {
	p := &reference.GlidePath{Code: schemas.PathCode(b.Get("path", "LIFESTYLE")), EffectiveFrom: b.date("from")}
	for _, arg := range b.Args {
		text, isRow := strings.CutSuffix(arg.Key, "-years")
		if !isRow {
			continue
		}
		years, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			b.Fatalf("%s: %v", arg.Key, err)
		}
		row := reference.PathRow{Years: int32(years)}
		for _, part := range b.split(arg.Value) {
			row.Split = append(row.Split, reference.PathPart{Asset: part.Asset, Weight: part.Weight})
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}
