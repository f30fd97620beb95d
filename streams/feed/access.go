package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/streams"
)

// Access says what one role may do. A role is a name in our own words, such as "pot" or "upstream"; which principal plays
// it is for the configuration to say.
type Access struct {
	Role string
	// Reads and Writes are topics.
	Reads, Writes []string
	// Groups are the consumer groups that it may join.
	Groups []string
	// Transactions are the beginnings of the transactional ids that it may use.
	Transactions []string
}

// ProcessAccess returns what a process needs: to read its inbox and its changelog, to write its outputs and its changelog, its
// group and the transactional ids of its shards. The group's name begins with groupPrefix.
func ProcessAccess(process streams.Process, groupPrefix string) Access {
	access := Access{
		Role:   process.Name,
		Reads:  []string{process.Inbox.Name, process.Table.Name},
		Writes: []string{process.Table.Name},
		Groups: []string{groupPrefix + process.Name},
		// The dot ends the name: "pot." does not open the transactions of a process "pottery".
		Transactions: []string{process.Name + "."},
	}
	for _, output := range process.Outputs {
		access.Writes = append(access.Writes, output.Name)
	}
	if process.ParkedTo.Name != "" {
		access.Writes = append(access.Writes, process.ParkedTo.Name)
	}
	return access
}

// Grant is one right of one principal.
type Grant struct {
	Principal string
	Operation kadm.ACLOperation
	Type      kmsg.ACLResourceType
	// Name is the resource, or with Prefixed what its name begins with.
	Name     string
	Prefixed bool
}

func (g Grant) String() string {
	pattern := "named"
	if g.Prefixed {
		pattern = "beginning with"
	}
	return fmt.Sprintf("%s may %s %s %s %s", g.Principal, g.Operation, g.Type, pattern, g.Name)
}

// GrantsOf returns the rights that the roles need, in a fixed order and each once. principals says who plays each role, such
// as "User:penstock-pot"; a role that nobody plays is an error.
func GrantsOf(roles []Access, principals map[string]string) ([]Grant, error) {
	var grants []Grant
	var wrong []error
	for _, role := range roles {
		principal := principals[role.Role]
		if principal == "" {
			wrong = append(wrong, fmt.Errorf("role %s: no principal; write for example %s: \"User:penstock-%s\"", role.Role, role.Role, role.Role))
			continue
		}
		grants = append(grants, role.grants(principal)...)
	}
	slices.SortFunc(grants, compareGrants)
	return slices.Compact(grants), errors.Join(wrong...)
}

func (a Access) grants(principal string) []Grant {
	var grants []Grant
	add := func(kind kmsg.ACLResourceType, names []string, prefixed bool, operations ...kadm.ACLOperation) {
		for _, name := range names {
			for _, operation := range operations {
				grants = append(grants, Grant{principal, operation, kind, name, prefixed})
			}
		}
	}
	// Whoever uses a topic may also see its settings, to verify them at its start.
	add(kmsg.ACLResourceTypeTopic, a.Reads, false, kadm.OpRead, kadm.OpDescribe, kadm.OpDescribeConfigs)
	add(kmsg.ACLResourceTypeTopic, a.Writes, false, kadm.OpWrite, kadm.OpDescribe, kadm.OpDescribeConfigs)
	add(kmsg.ACLResourceTypeGroup, a.Groups, false, kadm.OpRead, kadm.OpDescribe)
	add(kmsg.ACLResourceTypeTransactionalId, a.Transactions, true, kadm.OpWrite, kadm.OpDescribe)
	return grants
}

func compareGrants(a, b Grant) int {
	return cmp.Or(cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Operation, b.Operation))
}

// AccessPlan is what separates the cluster's rights from what was declared.
type AccessPlan struct {
	// Missing are rights to be granted.
	Missing []Grant
	// Foreign are rights to write to the declared topics, or to use the declared transactional ids, that no declared role has. They are
	// listed and never removed: who granted them had a reason, which a person should hear.
	Foreign []Grant
}

// Print writes the plan in lines that a person can read.
func (p AccessPlan) Print(w io.Writer) error {
	for _, grant := range p.Missing {
		if _, err := fmt.Fprintf(w, "+ %s\n", grant); err != nil {
			return err
		}
	}
	for _, grant := range p.Foreign {
		if _, err := fmt.Fprintf(w, "! %s, which is not declared; look at it with kafka-acls.sh --list --principal %s\n", grant, grant.Principal); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%d rights to grant, %d not declared\n", len(p.Missing), len(p.Foreign))
	return err
}

// PlanAccess compares the cluster's rights with the declared ones. It changes nothing. A cluster that checks no rights at all
// is an error.
func (t *Topics) PlanAccess(ctx context.Context, declared []Grant) (AccessPlan, error) {
	existing, err := t.grants(ctx)
	if err != nil {
		return AccessPlan{}, err
	}
	var plan AccessPlan
	for _, grant := range declared {
		if !slices.Contains(existing, grant) {
			plan.Missing = append(plan.Missing, grant)
		}
	}
	for _, grant := range existing {
		if isForeign(grant, declared) {
			plan.Foreign = append(plan.Foreign, grant)
		}
	}
	return plan, nil
}

// isForeign says whether an existing right to write touches something that is declared, without being declared itself.
func isForeign(grant Grant, declared []Grant) bool {
	writes := grant.Operation == kadm.OpWrite || grant.Operation == kadm.OpAll
	if !writes || slices.Contains(declared, grant) {
		return false
	}
	return slices.ContainsFunc(declared, func(ours Grant) bool {
		return ours.Operation == kadm.OpWrite && ours.Type == grant.Type && grant.touches(ours)
	})
}

// grants returns all rights that the cluster grants. Denials are no grants.
func (t *Topics) grants(ctx context.Context) ([]Grant, error) {
	all := kadm.NewACLs().AnyResource().Operations(kadm.OpAny).ResourcePatternType(kadm.ACLPatternAny).Allow().AllowHosts()
	described, err := t.admin.DescribeACLs(ctx, all)
	if err != nil {
		return nil, fmt.Errorf("listing access rights: %w", err)
	}
	var grants []Grant
	for _, answer := range described {
		if errors.Is(answer.Err, kerr.SecurityDisabled) {
			return nil, errors.New("listing access rights: the brokers check none; set authorizer.class.name on them")
		}
		if answer.Err != nil {
			return nil, fmt.Errorf("listing access rights: %w", answer.Err)
		}
		for _, acl := range answer.Described {
			if acl.Permission == kmsg.ACLPermissionTypeAllow {
				grants = append(grants, Grant{acl.Principal, acl.Operation, acl.Type, acl.Name, acl.Pattern == kadm.ACLPatternPrefixed})
			}
		}
	}
	slices.SortFunc(grants, compareGrants)
	return slices.Compact(grants), nil
}

// ApplyAccess grants what is missing. Applying a plan twice is harmless.
func (t *Topics) ApplyAccess(ctx context.Context, plan AccessPlan) error {
	for _, grant := range plan.Missing {
		results, err := t.admin.CreateACLs(ctx, grant.builder())
		if err != nil {
			return fmt.Errorf("granting that %s: %w", grant, err)
		}
		for _, result := range results {
			if result.Err != nil {
				return fmt.Errorf("granting that %s: %w %s", grant, result.Err, result.ErrMessage)
			}
		}
	}
	return nil
}

func (g Grant) builder() *kadm.ACLBuilder {
	builder := kadm.NewACLs().Allow(g.Principal).Operations(g.Operation).ResourcePatternType(kadm.ACLPatternLiteral)
	if g.Prefixed {
		builder = builder.ResourcePatternType(kadm.ACLPatternPrefixed)
	}
	switch g.Type {
	case kmsg.ACLResourceTypeTopic:
		return builder.Topics(g.Name)
	case kmsg.ACLResourceTypeGroup:
		return builder.Groups(g.Name)
	default:
		return builder.TransactionalIDs(g.Name)
	}
}

// touches says whether the two rights have a resource in common. "*" stands for all.
func (g Grant) touches(other Grant) bool {
	switch {
	case g.Name == "*" && !g.Prefixed:
		return true
	case g.Prefixed && other.Prefixed:
		return strings.HasPrefix(g.Name, other.Name) || strings.HasPrefix(other.Name, g.Name)
	case g.Prefixed:
		return strings.HasPrefix(other.Name, g.Name)
	case other.Prefixed:
		return strings.HasPrefix(g.Name, other.Name)
	default:
		return g.Name == other.Name
	}
}
