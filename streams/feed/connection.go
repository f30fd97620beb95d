package feed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

// Limits that every client shares.
const (
	// dialTimeoutMax bounds one attempt to connect to a broker.
	dialTimeoutMax = 10 * time.Second
	// requestOverheadMax bounds how long a broker may take for a request beyond the wait that the request itself asks for.
	requestOverheadMax = 20 * time.Second
	// requestRetriesMax bounds the attempts at one request, each after a growing pause; the client then says so.
	requestRetriesMax = 20
)

// DefaultClientID is the client id where the configuration names none. Brokers show it in logs and quotas.
const DefaultClientID = "penstock"

// Connection says how to reach the brokers and the schema registry, as written in the configuration file.
type Connection struct {
	// Brokers are seed addresses, host:port each.
	Brokers []string `yaml:"brokers"`
	// ClientID is what brokers call this client in their logs, metrics and quotas.
	ClientID string `yaml:"clientId,omitempty"`
	// TLS encrypts the connections to brokers; nil speaks plain text.
	TLS *TLS `yaml:"tls,omitempty"`
	// SASL authenticates to brokers; nil does not.
	SASL *SASL `yaml:"sasl,omitempty"`
	// Registry says where the schema registry is.
	Registry RegistryAddress `yaml:"registry,omitempty"`
	// Dial, where given, makes the connections to brokers, in drills only; TLS is then not used.
	Dial func(ctx context.Context, network, address string) (net.Conn, error) `yaml:"-"`
}

// RegistryAddress says how to reach the schema registry.
type RegistryAddress struct {
	// URL is the registry's base address; several, separated by commas, are tried in turn.
	URL string `yaml:"url,omitempty"`
	// Username and Password (or PasswordFile) are for basic authentication.
	Username     string `yaml:"username,omitempty"`
	Password     string `yaml:"password,omitempty"`
	PasswordFile string `yaml:"passwordFile,omitempty"`
	// TLS says which authorities and client certificate to use for https; nil means the machine's own.
	TLS *TLS `yaml:"tls,omitempty"`
}

// ParseConnection reads a connection written in YAML and validates it. An unknown key is an error.
func ParseConnection(text []byte) (Connection, error) {
	var connection Connection
	if err := yaml.UnmarshalWithOptions(text, &connection, yaml.DisallowUnknownField()); err != nil {
		return connection, fmt.Errorf("reading the Kafka connection: %w", err)
	}
	return connection, connection.Validate()
}

// Validate says everything that is wrong with the connection at once, and what to write instead. It opens no file and no
// connection.
func (c *Connection) Validate() error {
	var wrong []error
	if len(c.Brokers) == 0 {
		wrong = append(wrong, errors.New(`brokers: none given; write for example "brokers: [kafka-1:9092, kafka-2:9092]"`))
	}
	for _, address := range c.Brokers {
		if err := checkAddress(address); err != nil {
			wrong = append(wrong, fmt.Errorf("brokers: %w", err))
		}
	}
	wrong = append(wrong, c.TLS.validate("tls")...)
	wrong = append(wrong, c.SASL.validate(c.TLS != nil)...)
	wrong = append(wrong, c.Registry.validate()...)
	return errors.Join(wrong...)
}

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return fmt.Errorf(`%q is not an address; write host:port, for example "kafka-1:9092"`, address)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("%q has no port between 1 and 65535; write host:port, for example \"kafka-1:9092\"", address)
	}
	return nil
}

func (r *RegistryAddress) validate() []error {
	var wrong []error
	if r.URL == "" {
		if r.Username != "" || r.TLS != nil {
			wrong = append(wrong, errors.New(`registry.url: missing; write for example "url: http://registry:8081"`))
		}
		return wrong
	}
	for address := range strings.SplitSeq(r.URL, ",") {
		parsed, err := url.Parse(address)
		if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
			wrong = append(wrong, fmt.Errorf(`registry.url: %q is not an address; write for example "http://registry:8081"`, address))
		} else if parsed.User != nil {
			wrong = append(wrong, errors.New("registry.url: holds a password; write it as registry.username and registry.passwordFile"))
		}
	}
	if err := checkSecret(r.Username, r.Password, r.PasswordFile); err != nil {
		wrong = append(wrong, fmt.Errorf("registry: %w", err))
	}
	return append(wrong, r.TLS.validate("registry.tls")...)
}

// Opts returns the options that every Kafka client of this connection starts from; the files that the connection names are
// read now. Acknowledgements, isolation and partitioner are for each client to say.
func (c *Connection) Opts() ([]kgo.Opt, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	id := c.ClientID
	if id == "" {
		id = DefaultClientID
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(id),
		kgo.DialTimeout(dialTimeoutMax),
		kgo.RequestTimeoutOverhead(requestOverheadMax),
		kgo.RequestRetries(requestRetriesMax),
		// What we measure we publish ourselves; brokers need not be sent it.
		kgo.DisableClientMetrics(),
	}
	switch {
	case c.Dial != nil:
		opts = append(opts, kgo.Dialer(c.Dial))
	case c.TLS != nil:
		config, err := c.TLS.config()
		if err != nil {
			return nil, fmt.Errorf("reading tls: %w", err)
		}
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	if c.SASL != nil {
		mechanism, err := c.SASL.mechanism()
		if err != nil {
			return nil, fmt.Errorf("reading sasl: %w", err)
		}
		opts = append(opts, kgo.SASL(mechanism))
	}
	return opts, nil
}

// client makes the client of the schema registry.
func (r *RegistryAddress) client() (*sr.Client, error) {
	if r.URL == "" {
		return nil, errors.New(`registry.url: missing; write for example "url: http://registry:8081"`)
	}
	opts := []sr.ClientOpt{sr.URLs(strings.Split(r.URL, ",")...), sr.UserAgent(DefaultClientID)}
	if r.TLS != nil {
		config, err := r.TLS.config()
		if err != nil {
			return nil, fmt.Errorf("reading registry.tls: %w", err)
		}
		opts = append(opts, sr.DialTLSConfig(config))
	}
	if r.Username != "" {
		password, err := secret(r.Password, r.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("reading registry.passwordFile: %w", err)
		}
		opts = append(opts, sr.BasicAuth(r.Username, password))
	}
	return sr.NewClient(opts...)
}
