package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
)

const (
	addressesFile   = "addresses.json"
	addressKafka    = "kafka"
	addressRegistry = "registry"
	addressAny      = "127.0.0.1:0"
)

// addresses are the stack's open listeners by name, until a part takes them.
type addresses map[string]net.Listener

// listenKept opens both ports. A port of 0 becomes the one that this folder had
// last time, when it is free, so that addresses which users noted down stay good
// over a restart.
func listenKept(folder *folder, kafkaAddr, registryAddr string) (addresses, error) {
	kept := map[string]string{}
	text, err := folder.read(addressesFile)
	if err != nil {
		return nil, err
	}
	if text != "" {
		// A damaged file costs the old ports, no more.
		_ = json.Unmarshal([]byte(text), &kept)
	}
	opened := addresses{}
	for name, addr := range map[string]string{addressKafka: kafkaAddr, addressRegistry: registryAddr} {
		listener, err := listen(addr, kept[name])
		if err != nil {
			opened.closeUnused()
			return nil, fmt.Errorf("opening the %s port: %w", name, err)
		}
		opened[name] = listener
		kept[name] = listener.Addr().String()
	}
	written, err := json.MarshalIndent(kept, "", "  ")
	if err == nil {
		err = folder.write(addressesFile, string(written)+"\n")
	}
	if err != nil {
		opened.closeUnused()
		return nil, fmt.Errorf("keeping the addresses: %w", err)
	}
	return opened, nil
}

// listen opens addr; kept is used instead if addr leaves the port open and both
// are on the same host.
func listen(addr, kept string) (net.Listener, error) {
	if addr == "" {
		addr = addressAny
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return nil, fmt.Errorf("%q names no host that a client could connect to: give one, such as 127.0.0.1", addr)
	}
	if keptHost, _, err := net.SplitHostPort(kept); err == nil && port == "0" && keptHost == host {
		if listener, err := net.Listen("tcp", kept); err == nil {
			return listener, nil
		}
	}
	return net.Listen("tcp", addr)
}

// take hands a listener over to the part that will close it.
func (a addresses) take(name string) net.Listener {
	listener := a[name]
	delete(a, name)
	return listener
}

func (a addresses) closeUnused() {
	var errs []error
	for _, listener := range a {
		errs = append(errs, listener.Close())
	}
	_ = errors.Join(errs...)
}
