package feed

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

func TestConnectionIsReadFromYAML(t *testing.T) {
	connection, err := ParseConnection([]byte(`
brokers: [kafka-1:9093, kafka-2:9093]
clientId: penstock-pot
tls: {ca: /etc/ca.pem, serverName: kafka}
sasl: {mechanism: SCRAM-SHA-512, username: penstock, passwordFile: /run/secrets/kafka}
registry: {url: "https://registry:8081", username: penstock, password: secret}
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(connection.Brokers) != 2 || connection.ClientID != "penstock-pot" || connection.TLS.ServerName != "kafka" ||
		connection.SASL.PasswordFile != "/run/secrets/kafka" || connection.Registry.Username != "penstock" {
		t.Errorf("got %+v", connection)
	}
}

func TestWrongConnectionSaysWhatToWrite(t *testing.T) {
	for name, test := range map[string]struct{ text, says string }{
		"no brokers":              {`clientId: x`, `write for example "brokers: [`},
		"no port":                 {`brokers: [kafka]`, `"kafka" is not an address; write host:port`},
		"wrong port":              {`brokers: ["kafka:99999"]`, "between 1 and 65535"},
		"unknown key":             {"brokers: [kafka:9092]\nbroker: x", "broker"},
		"half a pair":             {"brokers: [kafka:9092]\ntls: {cert: c.pem}", "tls: cert and key belong together"},
		"unknown mechanism":       {"brokers: [kafka:9092]\nsasl: {mechanism: GSSAPI, username: u, password: p}", "write PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"},
		"readable password":       {"brokers: [kafka:9092]\nsasl: {mechanism: PLAIN, username: u, password: p}", "write a tls section"},
		"no password":             {"brokers: [kafka:9092]\nsasl: {mechanism: SCRAM-SHA-256, username: u}", "write either passwordFile or password"},
		"two passwords":           {"brokers: [kafka:9092]\nsasl: {mechanism: SCRAM-SHA-256, username: u, password: p, passwordFile: f}", "write either"},
		"no username":             {"brokers: [kafka:9092]\nsasl: {mechanism: SCRAM-SHA-256, password: p}", "sasl.username: missing"},
		"registry without scheme": {"brokers: [kafka:9092]\nregistry: {url: registry:8081}", `registry.url: "registry:8081" is not an address`},
		"registry with password":  {"brokers: [kafka:9092]\nregistry: {url: \"http://u:p@registry:8081\"}", "registry.passwordFile"},
		"registry without url":    {"brokers: [kafka:9092]\nregistry: {username: u}", "registry.url: missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseConnection([]byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%q is not in: %v", test.says, err)
			}
		})
	}
}

func TestAllFaultsOfAConnectionAreToldAtOnce(t *testing.T) {
	_, err := ParseConnection([]byte("brokers: [a, b]\nsasl: {mechanism: X}"))
	if err == nil || strings.Count(err.Error(), "\n") < 3 {
		t.Errorf("got %v", err)
	}
}

func TestSecretNeverShowsInAnError(t *testing.T) {
	connection := Connection{
		Brokers: []string{"k"}, SASL: &SASL{Mechanism: "X", Username: "u", Password: "hunter2"},
		Registry: RegistryAddress{URL: "http://u:hunter2@registry:8081"},
	}
	if err := connection.Validate(); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestMissingFilesAreNamed(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.pem")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, connection := range map[string]Connection{
		missing:        {TLS: &TLS{CA: missing}},
		empty:          {TLS: &TLS{CA: empty}},
		"key":          {TLS: &TLS{Cert: missing, Key: missing}},
		"passwordFile": {SASL: &SASL{Mechanism: MechanismScram256, Username: "u", PasswordFile: missing}},
	} {
		connection.Brokers = []string{"kafka:9092"}
		if _, err := connection.Opts(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// certificate writes a certificate for 127.0.0.1 that is its own authority, and returns the files and the pair.
func certificate(t *testing.T) (certFile, keyFile string, pair tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for file, content := range map[string][]byte{certFile: certPEM, keyFile: keyPEM} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if pair, err = tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	return certFile, keyFile, pair
}

func TestClientsConnectWithTLSAndEachMechanism(t *testing.T) {
	certFile, keyFile, pair := certificate(t)
	pool := x509.NewCertPool()
	pool.AddCert(pair.Leaf)
	secretFile := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secretFile, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mechanism := range []string{MechanismPlain, MechanismScram256, MechanismScram512} {
		t.Run(mechanism, func(t *testing.T) {
			_, connection := newCluster(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "penstock", "secret"),
				kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}))
			connection.TLS = &TLS{CA: certFile, Cert: certFile, Key: keyFile}
			connection.SASL = &SASL{Mechanism: mechanism, Username: "penstock", PasswordFile: secretFile}
			apply(t, newTopics(t, connection, smallLayout()), declared())
		})
	}
}
