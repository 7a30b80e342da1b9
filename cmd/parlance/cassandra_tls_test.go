package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parlance/internal/cassandratest"
	"parlance/internal/certtest"
)

// TestEncryptedCluster has commands speak with a cluster that asks for TLS, a certificate and a password, as the configuration file
// says; where it says something else, they end with an error that names what failed, and no secret.
func TestEncryptedCluster(t *testing.T) {
	t.Parallel()
	cassandratest.Hosts(t) // whether real nodes are wanted
	cluster, err := cassandratest.Start(t.Context(), cassandratest.Options{Nodes: 1, Users: true, TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	cert, key := cluster.Certificate()
	otherCert, otherKey, err := certtest.SelfSigned(t.TempDir(), cluster.Hosts()...)
	if err != nil {
		t.Fatal(err)
	}
	user := "cassandra_user: " + cassandratest.User + "\ncassandra_password: " + cassandratest.Password + "\n"
	ca := "cassandra_ca: " + cert + "\n"
	own := "cassandra_cert: " + cert + "\ncassandra_key: " + key + "\n"
	command := func(settings string, args ...string) ended {
		file := filepath.Join(t.TempDir(), "parlance.yaml")
		text := "engine: cassandra\nhosts: " + strings.Join(cluster.Hosts(), ",") + "\nkeyspace: encrypted\nreplication: 1\n" + settings
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return runToEnd(t, nil, append(args, "--config", file)...)
	}
	for _, c := range []struct{ name, settings, want string }{
		{"no TLS", user, "TLS"},
		{"nobody that is trusted", user + "cassandra_tls: true\n" + own, "certificate"},
		{"another's certificate", user + "cassandra_ca: " + otherCert + "\n" + own, "certificate"},
		{"no certificate of our own", user + ca, "client certificate"},
		{"a certificate that the cluster doesn't trust", user + ca + "cassandra_cert: " + otherCert + "\ncassandra_key: " + otherKey + "\n", "client certificate"},
		{"another's key", user + ca + "cassandra_cert: " + cert + "\ncassandra_key: " + otherKey + "\n", "private key"},
		{"a wrong password", "cassandra_user: " + cassandratest.User + "\ncassandra_password: a-guess\n" + ca + own, "password"},
	} {
		r := command(c.settings, "workspace", "create", "acme")
		t.Logf("%s: exit code %d: %s", c.name, r.code, r.stderr)
		if r.code == exitDone || !strings.Contains(r.stderr, c.want) || strings.Contains(r.stderr, "a-guess") {
			t.Errorf("%s: exit code %d, %q on standard output, and on standard error\n%s", c.name, r.code, r.stdout, r.stderr)
		}
	}
	good := user + ca + own
	if r := command(good, "workspace", "create", "acme"); r.code != exitDone {
		t.Fatalf("create a workspace: %+v", r)
	}
	if r := command(good, "verify", "--workspace", "acme"); r.code != exitDone {
		t.Errorf("verify: %+v", r)
	}
}
