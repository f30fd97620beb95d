package realkafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/penstock-ledger/penstock/ops/child"
)

// registryVersion is the release of the schema registry that registry.mod names.
const registryVersion = "v0.2.1"

// registryPackage is the program that is the registry.
const registryPackage = "github.com/axonops/axonops-schema-registry/cmd/schema-registry"

// Registry is a schema registry process that speaks Confluent's API and enforces compatibility. It keeps its schemas in
// memory: they end with it.
type Registry struct {
	dir     string
	url     string
	process *child.Process
}

// StartRegistry builds the registry the first time, starts it and returns when it answers; ctx bounds the start only. The
// error wraps ErrUnavailable when this machine has no go command to build it with.
//
// It is built from a module file of its own, so that its many dependencies never enter the product's.
func StartRegistry(ctx context.Context) (*Registry, error) {
	binary, err := buildRegistry(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "penstock-registry-")
	if err != nil {
		return nil, fmt.Errorf("making the registry's folder: %w", err)
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	r := &Registry{dir: dir, url: "http://" + ports[0]}
	if err := r.run(ctx, binary, ports[0]); err != nil {
		return nil, fmt.Errorf("starting the schema registry: %w", err)
	}
	return r, nil
}

// URL is the base address of the registry.
func (r *Registry) URL() string { return r.url }

// LogPath is the file with everything the registry printed.
func (r *Registry) LogPath() string { return filepath.Join(r.dir, "registry.log") }

// Stop ends the registry and removes its folder.
func (r *Registry) Stop() error {
	if err := r.process.Stop(); err != nil {
		return fmt.Errorf("stopping the schema registry: %w", err)
	}
	return os.RemoveAll(r.dir)
}

func (r *Registry) run(ctx context.Context, binary, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	config := filepath.Join(r.dir, "registry.yaml")
	text := fmt.Sprintf("server:\n  host: %s\n  port: %s\nstorage:\n  type: memory\ncompatibility:\n  default_level: BACKWARD\n", host, port)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing its configuration: %w", err)
	}
	if r.process, err = child.Start(r.LogPath(), nil, binary, "-config", config); err != nil {
		return err
	}
	if err := r.process.Await(ctx, r.answers); err != nil {
		return errors.Join(fmt.Errorf("%w; see %s", err, r.LogPath()), r.process.Kill())
	}
	return nil
}

func (r *Registry) answers(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/subjects", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered %s", response.Status)
	}
	return nil
}

// buildRegistry returns the path of the registry's binary.
func buildRegistry(ctx context.Context) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "registry-"+registryVersion)
	if err := once(dir, func(tmp string) error { return compileRegistry(ctx, tmp) }); err != nil {
		return "", fmt.Errorf("building the schema registry: %w", err)
	}
	return filepath.Join(dir, "schema-registry"), nil
}

func compileRegistry(ctx context.Context, dir string) error {
	tool, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("no go on the path: %w", ErrUnavailable)
	}
	for name, as := range map[string]string{"registry.mod": "go.mod", "registry.sum": "go.sum"} {
		if err := unpack(name, filepath.Join(dir, as)); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, tool, "build", "-o", "schema-registry", registryPackage)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling %s: %w\n%s", registryPackage, err, out)
	}
	return nil
}
