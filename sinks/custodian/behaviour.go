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
)

// Behaviour says what the simulated custodians do out of the ordinary. The zero Behaviour deals every trade in one piece.
type Behaviour struct {
	Rules []Rule
}

// Rule is about the trades in one asset of one dealing day.
type Rule struct {
	Asset schemas.AssetCode
	Day   schemas.Date
	// Reject, where given, is the reason with which the trade is rejected.
	Reject string
	// Pieces, where given, are the parts of the trade's cash that its pieces take, in order; they sum to 1.
	Pieces []schemas.Weight
}

// ParseBehaviour reads a behaviour written in YAML, such as
//
//	rules:
//	  - {asset: WTI, day: "2008-03-28", reject: fund suspended}
//	  - {asset: IBM, day: "2008-03-20", pieces: ["0.5", "0.3", "0.2"]}
//
// An unknown key is an error, and so is a rule that could not be followed.
func ParseBehaviour(text []byte) (Behaviour, error) {
	var written struct {
		Rules []struct {
			Asset  string   `yaml:"asset"`
			Day    string   `yaml:"day"`
			Reject string   `yaml:"reject"`
			Pieces []string `yaml:"pieces"`
		} `yaml:"rules"`
	}
	if err := yaml.UnmarshalWithOptions(text, &written, yaml.DisallowUnknownField()); err != nil {
		return Behaviour{}, fmt.Errorf("reading the custodians' behaviour: %w", err)
	}
	var behaviour Behaviour
	var wrong []error
	for _, w := range written.Rules {
		rule := Rule{Asset: schemas.AssetCode(w.Asset), Reject: w.Reject}
		day, err := schemas.ParseDate(w.Day)
		wrong = append(wrong, err)
		rule.Day = day
		for _, text := range w.Pieces {
			part, err := schemas.ParseWeight(text)
			wrong = append(wrong, err)
			rule.Pieces = append(rule.Pieces, part)
		}
		behaviour.Rules = append(behaviour.Rules, rule)
	}
	return behaviour, errors.Join(append(wrong, behaviour.Validate())...)
}

// Validate says everything that is wrong with the behaviour.
func (b Behaviour) Validate() error {
	var wrong []error
	if len(b.Rules) > rulesMax {
		wrong = append(wrong, fmt.Errorf("rules: %d given, at most %d are followed", len(b.Rules), rulesMax))
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
	case r.Reject == "" && len(r.Pieces) == 0:
		return errors.New("it says neither reject nor pieces")
	case r.Reject != "" && len(r.Pieces) > 0:
		return errors.New("it says both reject and pieces")
	case len(r.Pieces) > piecesMax:
		return fmt.Errorf("pieces: %d given, at most %d are dealt", len(r.Pieces), piecesMax)
	case len(r.Pieces) > 0 && sum != schemas.WeightOne:
		return fmt.Errorf("pieces: they sum to %s, not to 1", sum)
	}
	return nil
}

// rule returns the rule for the trades of an asset and day, or an empty one.
func (b Behaviour) rule(asset schemas.AssetCode, day schemas.Date) Rule {
	for _, r := range b.Rules {
		if r.Asset == asset && r.Day == day {
			return r
		}
	}
	return Rule{}
}
