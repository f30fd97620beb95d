package tidy

import (
	"slices"
	"strings"
	"testing"
)

func TestServicesArePinnedLoopbackAndHeard(t *testing.T) {
	good := service{Image: "apache/kafka:4.1.0", Ports: []string{"127.0.0.1:9092:9092"}, Environment: map[string]string{"PENSTOCK_BROKERS": "kafka:9092"}}
	if faults := serviceFaults("kafka", good, nil); len(faults) != 0 {
		t.Errorf("a good service has faults: %v", faults)
	}
	bad := service{Image: "apache/kafka", Ports: []string{"9092:9092"}, Environment: map[string]string{"PENSTOCK_BROKER": "kafka:9092"}}
	if faults := serviceFaults("kafka", bad, nil); len(faults) != 3 {
		t.Errorf("got %d faults, want an image, a port and a setting: %v", len(faults), faults)
	}
}

func TestMissingRoleIsNamed(t *testing.T) {
	compose := "services:\n  penstock:\n    build: .\n    command: [run, intake, pot, dealing, clock, sink]\n"
	found := checkCompose(load(t, map[string]string{composeFile: compose}))
	if len(found) != 1 || !strings.Contains(found[0].Message, "custodian-simulator") {
		t.Errorf("got %v, want the one role that is missing", found)
	}
}

func TestPinnedImages(t *testing.T) {
	digest := "a/b@sha256:" + strings.Repeat("0", 64)
	for image, want := range map[string]bool{"postgres:17.5": true, "golang:1.26.0-alpine": true, digest: true, "postgres": false, "postgres:latest": false, "postgres:17": false} {
		if got := pinned.MatchString(image); got != want {
			t.Errorf("%s pinned: %t, want %t", image, got, want)
		}
	}
}

func TestDirectRequiresLeaveOutIndirectOnes(t *testing.T) {
	mod := "module m\n\ngo 1.26.0\n\nrequire x.org/a v1.0.0\n\nrequire (\n\tx.org/b v1.0.0\n\tx.org/c v1.0.0 // indirect\n)\n"
	if got, want := directRequires(mod), []string{"x.org/a", "x.org/b"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
