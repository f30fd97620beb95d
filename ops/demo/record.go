package demo

import (
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/sinks/custodian"
	"github.com/penstock-ledger/penstock/streams"
)

// Workload is all that is sent, day by day, and all that must come of it.
type Workload struct {
	Seed    uint64
	Members int
	// Days are all weekdays from the first dealing day to the last; more days without instructions follow until all is settled.
	Days []Day
	// Behaviour is what the custodians are asked to do out of the ordinary.
	Behaviour custodian.Behaviour
	// Ends says in which state each accepted instruction must end.
	Ends map[Key]schemas.Code
	// Left are the pots that are transferred out: nothing stays in them.
	Left []schemas.PotID
	// WrongClose, where given, is what the vendor publishes in the place of the close.
	WrongClose *WrongClose
	// PaidIn is the sum of all accepted contributions, Available what must be left uninvested in the pots.
	PaidIn, Available schemas.Money
	// Stories are what takes several steps, in the order in which it was asked for.
	Stories []Story
}

// WrongClose is a close that is not the asset's.
type WrongClose struct {
	Asset schemas.AssetCode
	Date  schemas.Date
	Close schemas.Price
}

// Day is one weekday.
type Day struct {
	Date schemas.Date
	// Holiday is the name of the holiday on which the platform is closed, if it is.
	Holiday string
	Waves   []Wave
	// Late are sent after the day's cut-offs.
	Late []Wave
	// Trades are the external trades that the day's orders must become, in the order of the asset codes.
	Trades []ExpectedTrade
}

// ExpectedTrade is what the orders of a day and asset must add up to.
type ExpectedTrade struct {
	Asset  schemas.AssetCode
	Orders int64
	Cash   schemas.Money
	// Sell says that it sells units: so many, or however many the pot has where Units is 0.
	Sell  bool
	Units schemas.Quantity
	// Refused says that the custodian was asked not to deal it, CarriedTo to which day its orders go on then, if they do.
	Refused   bool
	CarriedTo *schemas.Date
}

// Wave is a run of records that are sent at one moment.
type Wave struct {
	At      schemas.Instant
	Records []Record
}

// Key is what makes an instruction that instruction.
type Key struct {
	Source schemas.SourceID
	Pot    schemas.PotID
	ID     schemas.InstructionID
}

// Answer is what the sender of a record is told first. The zero Answer is none.
type Answer struct {
	State     schemas.Code
	Code      schemas.Code
	Duplicate bool
	// Day is the dealing day of an order, 0 without one.
	Day schemas.Date
}

// Record is one record to be sent, with what must come of it.
type Record struct {
	// About is what the record shows, for the report; ordinary records have none.
	About string
	Topic string
	Key   string
	// Elsewhere sends it to another partition than its key belongs to.
	Elsewhere bool
	Value     streams.Value
	// Raw, where given, makes the bytes instead, from the frame of the topic's own schema.
	Raw func(frame []byte) []byte
	// Instruction is the identity under which the answer is told; empty where nobody can be told.
	Instruction Key
	Answer      Answer
	// Rejected is the code of the one rejection that the record must get, empty for none. AtClose says that it comes only once the
	// day's prices are known.
	Rejected schemas.Code
	AtClose  bool
}

// isTaken says whether the record is one that nobody is answered and that must not be refused.
func (r *Record) isTaken() bool { return r.Answer.State == "" && r.Rejected == "" }

// key returns the identity of an instruction.
func key(i *ingest.Instruction) Key { return Key{i.Source, i.Pot, i.ID} }

// instructionRecord makes the record of an instruction.
func instructionRecord(i *ingest.Instruction, answer Answer) Record {
	return Record{
		Topic: streams.IngestInstruction, Key: string(i.Pot), Value: i, Instruction: key(i), Answer: answer, Rejected: answer.Code,
	}
}
