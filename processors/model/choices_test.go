package model_test

import (
	"fmt"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
)

// choice is a fixed one, a path that counts to a day of which a year ends about now, or none.
func (o *outside) choice(a action) string {
	switch a.B % 6 {
	case 0:
		return ""
	case 1, 2:
		return " split=" + o.split(a)
	case 3:
		return " path=LATER target=2040-02-29"
	}
	return fmt.Sprintf(" path=LIFESTYLE target=%s", schemas.DateOf(2013, time.March, 17)+schemas.Date(a.C%12)) //nolint:gosec // few
}
