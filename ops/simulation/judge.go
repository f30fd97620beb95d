package simulation

import (
	"context"
	"errors"
	"fmt"

	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

// broken judges the invariants of a pipeline at rest by its topics, and returns those that do not hold.
func broken(world *history.World) error {
	var errs []error
	for _, result := range invariants.Check(world.Input()) {
		if !result.OK {
			errs = append(errs, fmt.Errorf("invariant %d, %s: %s", result.Number, result.Name, result.Detail))
		}
	}
	return errors.Join(errs...)
}

// complaints returns what a verification of the stored ledger found.
func complaints(report *postgres.Report) error {
	var errs []error
	for i := range report.Checks {
		for _, finding := range report.Checks[i].Findings {
			errs = append(errs, fmt.Errorf("in Postgres: %s: %s: %s", report.Checks[i].Title, finding.Place, finding.Detail))
		}
	}
	return errors.Join(errs...)
}

// differs says where a ledger differs from what it must be.
func (r *reference) differs(lines []string) error {
	for n := range min(len(lines), len(r.lines)) {
		if lines[n] != r.lines[n] {
			return fmt.Errorf("the first posting that differs:\n  is      %s\n  must be %s", lines[n], r.lines[n])
		}
	}
	switch {
	case len(lines) > len(r.lines):
		return fmt.Errorf("%d postings instead of %d; too much is\n  %s", len(lines), len(r.lines), lines[len(r.lines)])
	case len(lines) < len(r.lines):
		return fmt.Errorf("%d postings instead of %d; missing is\n  %s", len(lines), len(r.lines), r.lines[len(lines)])
	}
	return nil
}

// judge compares the ledger, by the topics and as it is stored, with what it must be, and checks every invariant.
func (s *system) judge(ctx context.Context, world *history.World, want *reference) error {
	lines, _ := canonical(s)
	if err := errors.Join(s.healthy(), want.differs(lines), broken(world)); err != nil {
		return err
	}
	if err := s.sinks.booked(ctx, s.view); err != nil {
		return err
	}
	report, err := postgres.Verify(ctx, s.sinks.database.auditor, postgres.VerifyOptions{AtRest: true}, nil)
	if err != nil {
		return err
	}
	if err := complaints(report); err != nil {
		return err
	}
	stored, postings, err := postgres.CanonicalHash(ctx, s.sinks.database.auditor)
	if err != nil {
		return err
	}
	if stored != want.sum {
		return fmt.Errorf("in Postgres: %d postings with the hash %x, which must be %d with %x", postings, stored, len(want.lines), want.sum)
	}
	return nil
}
