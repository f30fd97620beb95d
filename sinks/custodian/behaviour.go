package custodian

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"

	"github.com/penstock-ledger/penstock/schemas"
)

const (
	// rulesMax bounds a behaviour; piecesMax is how many pieces one trade may be dealt in.
	rulesMax  = 1000
	piecesMax = 100
	// digitsMax is more than any quantity has.
	digitsMax = 18
)

// Behaviour says what the simulated custodians do out of the ordinary. The zero Behaviour deals every trade in one piece.
type Behaviour struct {
	Rules []Rule
	// Digits is to how many significant digits units are reported, 0 for all of them. Units that a sell by cash takes are always reported exactly:
	// rounded up, they could be more than it may take.
	Digits int
}

// Rule is about the trades in one asset. The first rule for a trade counts.
type Rule struct {
	Asset schemas.AssetCode
	// Day and Through are the first and the last dealing day; without Through there is one.
	Day, Through schemas.Date
	// Reject, where given, is the reason with which a trade is rejected.
	Reject string
	// Gate, where given, is the reason with which a trade is deferred: until the day after the last one.
	Gate string
	// Pieces, where given, are the parts of the trade that its pieces take, in order. They sum to 1; with Reject or Gate to less, and what they leave
	// is rejected or deferred.
	Pieces []schemas.Weight
}

// ParseBehaviour reads a behaviour written in YAML, such as
//
//	digits: 10
//	rules:
//	  - {asset: WTI, day: "2008-03-28", reject: the dealing desk is closed}
//	  - {asset: GOOG, day: "2008-03-28", through: "2008-04-01", gate: fund suspended}
//	  - {asset: IBM, day: "2008-03-20", pieces: ["0.5", "0.3", "0.2"]}
//	  - {asset: IBM, day: "2008-03-25", pieces: ["0.25"], gate: fund gated}
//
// An unknown key is an error, and so is a rule that could not be followed.
func ParseBehaviour(text []byte) (Behaviour, error) {
	var written struct {
		Digits int           `yaml:"digits"`
		Rules  []writtenRule `yaml:"rules"`
	}
	if err := yaml.UnmarshalWithOptions(text, &written, yaml.DisallowUnknownField()); err != nil {
		return Behaviour{}, fmt.Errorf("reading the custodians' behaviour: %w", err)
	}
	behaviour := Behaviour{Digits: written.Digits}
	var wrong []error
	for _, w := range written.Rules {
		rule, err := w.rule()
		wrong = append(wrong, err)
		behaviour.Rules = append(behaviour.Rules, rule)
	}
	return behaviour, errors.Join(append(wrong, behaviour.Validate())...)
}

// writtenRule is a Rule as it is written.
type writtenRule struct {
	Asset   string   `yaml:"asset"`
	Day     string   `yaml:"day"`
	Through string   `yaml:"through"`
	Reject  string   `yaml:"reject"`
	Gate    string   `yaml:"gate"`
	Pieces  []string `yaml:"pieces"`
}

func (w *writtenRule) rule() (Rule, error) {
	rule := Rule{Asset: schemas.AssetCode(w.Asset), Reject: w.Reject, Gate: w.Gate}
	var wrong []error
	var err error
	rule.Day, err = schemas.ParseDate(w.Day)
	wrong = append(wrong, err)
	if w.Through != "" {
		rule.Through, err = schemas.ParseDate(w.Through)
		wrong = append(wrong, err)
	}
	for _, text := range w.Pieces {
		part, err := schemas.ParseWeight(text)
		wrong = append(wrong, err)
		rule.Pieces = append(rule.Pieces, part)
	}
	return rule, errors.Join(wrong...)
}

// Validate says everything that is wrong with the behaviour.
func (b Behaviour) Validate() error {
	var wrong []error
	if len(b.Rules) > rulesMax {
		wrong = append(wrong, fmt.Errorf("rules: %d given, at most %d are followed", len(b.Rules), rulesMax))
	}
	if b.Digits < 0 || b.Digits > digitsMax {
		wrong = append(wrong, fmt.Errorf("digits: %d is not from 0 to %d", b.Digits, digitsMax))
	}
	for _, r := range b.Rules {
		if err := r.validate(); err != nil {
			wrong = append(wrong, fmt.Errorf("rule for %s on %s: %w", r.Asset, r.Day, err))
		}
	}
	return errors.Join(wrong...)
}

func (r Rule) validate() error {
	sum := schemas.Weight(0)
	for _, part := range r.Pieces {
		if part <= 0 || part > schemas.WeightOne {
			return fmt.Errorf("pieces: %s is not between 0 and 1", part)
		}
		sum += part
	}
	switch {
	case r.Asset == "":
		return errors.New("asset: missing")
	case r.Through != 0 && r.Through < r.Day:
		return fmt.Errorf("through: %s is before the first day", r.Through)
	case !r.ends() && len(r.Pieces) == 0:
		return errors.New("it says neither reject nor gate nor pieces")
	case r.Reject != "" && r.Gate != "":
		return errors.New("it says both reject and gate")
	case len(r.Pieces) > piecesMax:
		return fmt.Errorf("pieces: %d given, at most %d are dealt", len(r.Pieces), piecesMax)
	case !r.ends() && sum != schemas.WeightOne:
		return fmt.Errorf("pieces: they sum to %s, not to 1", sum)
	case r.ends() && sum >= schemas.WeightOne:
		return fmt.Errorf("pieces: they sum to %s, and leave nothing to reject or defer", sum)
	}
	return nil
}

// ends says whether trades are not dealt, or not to their end.
func (r Rule) ends() bool { return r.Reject != "" || r.Gate != "" }

// through is the last dealing day that the rule is about.
func (r Rule) through() schemas.Date { return max(r.Day, r.Through) }

// rule returns the rule for the trades of an asset and day, or an empty one.
func (b Behaviour) rule(asset schemas.AssetCode, day schemas.Date) Rule {
	for _, r := range b.Rules {
		if r.Asset == asset && r.Day <= day && day <= r.through() {
			return r
		}
	}
	return Rule{}
}
