package feed

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// The SASL mechanisms.
const (
	MechanismPlain    = "PLAIN"
	MechanismScram256 = "SCRAM-SHA-256"
	MechanismScram512 = "SCRAM-SHA-512"
)

// TLS names the PEM files of an encrypted connection. An empty TLS encrypts and trusts the machine's authorities.
type TLS struct {
	// CA is the file of the authorities to trust instead of the machine's.
	CA string `yaml:"ca,omitempty"`
	// Cert and Key are the files of the client's own certificate; both or neither.
	Cert string `yaml:"cert,omitempty"`
	Key  string `yaml:"key,omitempty"`
	// ServerName is the name that the server's certificate must bear, where it is not the host's.
	ServerName string `yaml:"serverName,omitempty"`
}

// SASL says how to authenticate to the brokers.
type SASL struct {
	// Mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
	Mechanism string `yaml:"mechanism"`
	Username  string `yaml:"username"`
	// Password is the password, or PasswordFile the file that holds it.
	Password     string `yaml:"password,omitempty"`
	PasswordFile string `yaml:"passwordFile,omitempty"`
	// AllowPlainText permits PLAIN without TLS, which sends the password readable.
	AllowPlainText bool `yaml:"allowPlainText,omitempty"`
}

func (t *TLS) validate(at string) []error {
	if t == nil || (t.Cert == "") == (t.Key == "") {
		return nil
	}
	return []error{fmt.Errorf("%s: cert and key belong together; write both, or neither", at)}
}

func (t *TLS) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("reading ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading ca: %s holds no certificate in PEM form", t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("reading cert and key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func (s *SASL) validate(encrypted bool) []error {
	if s == nil {
		return nil
	}
	var wrong []error
	switch s.Mechanism {
	case MechanismScram256, MechanismScram512:
	case MechanismPlain:
		if !encrypted && !s.AllowPlainText {
			wrong = append(wrong, errors.New("sasl: PLAIN without tls sends the password readable; "+
				"write a tls section, or allowPlainText: true where nobody can listen"))
		}
	default:
		wrong = append(wrong, fmt.Errorf("sasl.mechanism: %q is unknown; write %s, %s or %s",
			s.Mechanism, MechanismPlain, MechanismScram256, MechanismScram512))
	}
	if s.Username == "" {
		wrong = append(wrong, errors.New("sasl.username: missing; write the principal's name"))
	} else if err := checkSecret(s.Username, s.Password, s.PasswordFile); err != nil {
		wrong = append(wrong, fmt.Errorf("sasl: %w", err))
	}
	return wrong
}

func (s *SASL) mechanism() (sasl.Mechanism, error) {
	password, err := secret(s.Password, s.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("reading passwordFile: %w", err)
	}
	switch s.Mechanism {
	case MechanismScram256:
		return scram.Auth{User: s.Username, Pass: password}.AsSha256Mechanism(), nil
	case MechanismScram512:
		return scram.Auth{User: s.Username, Pass: password}.AsSha512Mechanism(), nil
	default:
		return plain.Auth{User: s.Username, Pass: password}.AsMechanism(), nil
	}
}

func checkSecret(username, password, file string) error {
	switch {
	case username == "" && (password != "" || file != ""):
		return errors.New("a password without a username; write username")
	case username != "" && (password == "") == (file == ""):
		return errors.New("write either passwordFile or password")
	}
	return nil
}

// secret returns the password, or the content of the file without the line end that editors add.
func secret(password, file string) (string, error) {
	if file == "" {
		return password, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}
