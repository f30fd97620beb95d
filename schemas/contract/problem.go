package contract

// Problem is one thing that stands in the way of a change.
type Problem struct {
	// Path leads to the place: topic, record, field, [] for items and [n] for a branch of a union.
	Path string
	// What says what is different.
	What string
	// Why says what would go wrong.
	Why string
	// Stale is true when nothing is wrong but the lock file, which has to be written again.
	Stale bool
}

// String gives the problem in one line.
func (p Problem) String() string {
	return p.Path + ": " + p.What + " (" + p.Why + ")"
}

// The reasons that several problems share.
const (
	whyMeaning  = "stored bytes would mean something else"
	whyUnread   = "one side could not read the other's records"
	whyNames    = "names are frozen once released; a rename is a new name and a migration"
	whyOldData  = "records written before the field existed have no value for it"
	whyHistory  = "records written before the field existed would change their value"
	whyPosition = "the place of a symbol or branch is what is written"
)
