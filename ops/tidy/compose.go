package tidy

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Where the containers are described.
const (
	composeFile = "docker-compose.yml"
	dockerFile  = "ops/docker/Dockerfile"
)

// service is what the rule reads of a service in the compose file.
type service struct {
	Image       string            `yaml:"image"`
	Build       any               `yaml:"build"`
	Command     []string          `yaml:"command"`
	Ports       []string          `yaml:"ports"`
	Environment map[string]string `yaml:"environment"`
}

// settings are the environment variables that `penstock run` reads. A name that is not among them would be ignored silently.
var settings = []string{
	"PENSTOCK_BROKERS", "PENSTOCK_CONFIG", "PENSTOCK_INTAKE_KEY_FILE", "PENSTOCK_METRICS_ADDR", "PENSTOCK_NAME", "PENSTOCK_POSTGRES_URL", "PENSTOCK_REGISTRY_URL", "PENSTOCK_ROLES", "PENSTOCK_SHARDS", "PENSTOCK_STATE_DIR",
}

// roles are the parts that the composed system needs to settle an instruction.
var roles = []string{"intake", "pot", "dealing", "clock", "sink", "custodian-simulator"}

// checkCompose reads the containers' description, which no test here can run: images are pinned, ports are loopback, settings
// have names that are read, and no role is missing.
func checkCompose(tree Tree) []Finding {
	file := tree.File(composeFile)
	if file == nil {
		return checkDockerfile(tree)
	}
	var compose struct {
		Services map[string]service `yaml:"services"`
	}
	if err := yaml.Unmarshal(file.Text, &compose); err != nil {
		return []Finding{{Path: composeFile, Message: "it does not parse: " + err.Error()}}
	}
	// An image that one service builds, others may run.
	var built []string
	for _, s := range compose.Services {
		if s.Build != nil {
			built = append(built, s.Image)
		}
	}
	var messages []string
	running := ""
	for _, name := range slices.Sorted(maps.Keys(compose.Services)) {
		messages = append(messages, serviceFaults(name, compose.Services[name], built)...)
		running += " " + strings.Join(compose.Services[name].Command, " ") + " "
	}
	for _, role := range roles {
		if !strings.Contains(running, " "+role+" ") {
			messages = append(messages, "no service runs the role "+role+": add `penstock run "+role+"`")
		}
	}
	var found []Finding
	for _, message := range messages {
		found = append(found, Finding{Path: composeFile, Message: message})
	}
	return append(found, checkDockerfile(tree)...)
}

// pinned matches an image with a tag that names a version, or with a digest.
var pinned = regexp.MustCompile(`^[^:@\s]+(?:/[^:@\s]+)*(?::v?[0-9][\w.-]*\.[\w.-]+|@sha256:[0-9a-f]{64})$`)

func serviceFaults(name string, s service, built []string) []string {
	var faults []string
	if !slices.Contains(built, s.Image) && !pinned.MatchString(s.Image) {
		faults = append(faults, name+": image "+s.Image+" is not pinned: give a full version")
	}
	for _, port := range s.Ports {
		if !strings.HasPrefix(port, "127.0.0.1:") {
			faults = append(faults, name+": port "+port+" is open to the network: write 127.0.0.1: before it")
		}
	}
	for _, setting := range slices.Sorted(maps.Keys(s.Environment)) {
		if strings.HasPrefix(setting, "PENSTOCK_") && !slices.Contains(settings, setting) {
			faults = append(faults, name+": nothing reads "+setting+": see the settings of `penstock run`")
		}
	}
	return faults
}

// stage matches the image that a stage of a Dockerfile is made from.
var stage = regexp.MustCompile(`(?mi)^FROM\s+(?:--\S+\s+)?(\S+)`)

// user matches the user that the image runs as.
var user = regexp.MustCompile(`(?mi)^USER\s+(\S+)`)

func checkDockerfile(tree Tree) []Finding {
	file := tree.File(dockerFile)
	if file == nil {
		return nil
	}
	var found []Finding
	for _, match := range stage.FindAllStringSubmatch(string(file.Text), -1) {
		if match[1] != "scratch" && !pinned.MatchString(match[1]) {
			found = append(found, Finding{Path: dockerFile, Message: "image " + match[1] + " is not pinned: give a full version"})
		}
	}
	users := user.FindAllStringSubmatch(string(file.Text), -1)
	if len(users) == 0 || strings.HasPrefix(users[len(users)-1][1], "root") || strings.HasPrefix(users[len(users)-1][1], "0") {
		found = append(found, Finding{Path: dockerFile, Message: "the image runs as root: end with USER and a numeric id"})
	}
	return found
}
