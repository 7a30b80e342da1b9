package cassandratest

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"text/template"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

var (
	//go:embed server/cassandra.yaml
	configText string
	//go:embed server/jvm.args
	jvmArgs []byte
	//go:embed server/logback.xml
	logging []byte

	config = template.Must(template.New("cassandra.yaml").Parse(configText))
)

// The ports that each node has on an address of its own.
const (
	peerPort   = "7000"
	clientPort = "9042"
)

// A node is one server and its folder:
//
//	conf/      cassandra.yaml, jvm.args, logback.xml
//	data/      all that it stores
//	output     what it says
type node struct {
	java, jars string
	dir        string
	address    string
	seeds      []string // addresses of nodes to meet the others through
	token      string
	durable    bool
	users      bool
	cert, key  string // files, if the node speaks TLS
	replaces   bool   // the disk is new; the others have the data
	paused     bool

	cmd  *exec.Cmd
	done chan struct{} // closed once the process has ended
}

func (n *node) data() string { return filepath.Join(n.dir, "data") }

func (n *node) running() bool {
	if n.done == nil {
		return false
	}
	select {
	case <-n.done:
		return false
	default:
		return true
	}
}

func (n *node) process() *os.Process {
	if !n.running() {
		return nil
	}
	return n.cmd.Process
}

func (n *node) configure() (conf string, err error) {
	conf = filepath.Join(n.dir, "conf")
	if err := os.MkdirAll(conf, 0o700); err != nil {
		return "", err
	}
	keystore, err := n.keystore(conf)
	if err != nil {
		return "", err
	}
	var yaml strings.Builder
	err = config.Execute(&yaml, map[string]any{
		"Token": n.token, "Seeds": strings.Join(n.seeds, ":7000,") + ":7000", "Address": n.address, "Durable": n.durable, "Users": n.users, "Replaces": n.replaces,
		"Keystore": keystore, "Truststore": n.cert,
	})
	if err != nil {
		return "", err
	}
	files := map[string][]byte{"cassandra.yaml": []byte(yaml.String()), "jvm.args": jvmArgs, "logback.xml": logging}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(conf, name), text, 0o600); err != nil {
			return "", err
		}
	}
	return conf, nil
}

// keystore writes key and certificate into one file, as the server wants them. Without a certificate there is none.
func (n *node) keystore(conf string) (string, error) {
	if n.cert == "" {
		return "", nil
	}
	var both []byte
	for _, name := range []string{n.key, n.cert} {
		b, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		both = append(both, b...)
	}
	file := filepath.Join(conf, "keystore.pem")
	return file, os.WriteFile(file, both, 0o600)
}

func (n *node) start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	conf, err := n.configure()
	if err != nil {
		return fmt.Errorf("configure node %s: %w", n.address, err)
	}
	output, err := os.OpenFile(filepath.Join(n.dir, "output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start node %s: %w", n.address, err)
	}
	defer output.Close()
	agents, err := filepath.Glob(filepath.Join(n.jars, "jamm-*.jar"))
	if err != nil || len(agents) != 1 {
		return fmt.Errorf("start node %s: %s holds %d files jamm-*.jar, want 1; remove the folder to have it made anew", n.address, n.jars, len(agents))
	}
	args := []string{
		"@" + filepath.Join(conf, "jvm.args"),
		"-javaagent:" + agents[0],
		"-Dcassandra.config=file://" + filepath.Join(conf, "cassandra.yaml"),
		"-Dcassandra.storagedir=" + n.data(),
		"-Dcassandra.logdir=" + filepath.Join(n.dir, "log"),
		"-Dlogback.configurationFile=" + filepath.Join(conf, "logback.xml"),
		"-cp", conf + string(filepath.ListSeparator) + filepath.Join(n.jars, "*"),
	}
	if n.replaces {
		args = append(args, "-Dcassandra.replace_address_first_boot="+n.address)
	}
	n.cmd = exec.Command(n.java, append(args, "org.apache.cassandra.service.CassandraDaemon")...)
	n.cmd.Stdout, n.cmd.Stderr = output, output
	n.cmd.SysProcAttr = dieWithParent()

	started, done := make(chan error), make(chan struct{})
	go func() {
		// On Linux a child dies with the thread that started it, so that one stays.
		runtime.LockOSThread()
		err := n.cmd.Start()
		started <- err
		if err == nil {
			n.cmd.Wait() // a node that is killed ends with an error
		}
		close(done)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start node %s: %w", n.address, err)
	}
	n.done = done
	return nil
}

// stop sends the signal and waits for the process to end; it is killed if that takes longer than patience.
func (n *node) stop(signal os.Signal, patience time.Duration) error {
	p := n.process()
	if p == nil {
		return nil
	}
	if n.paused {
		signal = os.Kill // it wouldn't hear
	}
	n.paused = false
	if err := p.Signal(signal); err != nil && n.running() {
		return fmt.Errorf("stop node %s: %w", n.address, err)
	}
	select {
	case <-n.done:
		return nil
	case <-time.After(patience):
	}
	p.Kill()
	<-n.done
	return nil
}

// waitForPeers waits until other nodes can be told of this one.
func (n *node) waitForPeers(ctx context.Context) error {
	return n.poll(ctx, func() error {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(n.address, peerPort), time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// waitUntilReady waits until the node answers and agrees with the other nodes of so many.
func (n *node) waitUntilReady(ctx context.Context, nodes int) error {
	return n.poll(ctx, func() error {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(n.address, clientPort), time.Second)
		if err != nil {
			return err
		}
		conn.Close()
		s, err := connect(n.address, n.cert, n.key)
		if err != nil {
			return err
		}
		defer s.Close()
		var mine, theirs gocql.UUID
		if err := s.Query("SELECT schema_version FROM system.local").Scan(&mine); err != nil {
			return err
		}
		peers, agree := 0, 1
		iter := s.Query("SELECT schema_version FROM system.peers_v2").Iter()
		for iter.Scan(&theirs) {
			if peers++; theirs == mine {
				agree++
			}
		}
		if err := iter.Close(); err != nil {
			return err
		}
		if agree < nodes {
			return fmt.Errorf("it knows %d peers, and %d of %d nodes agree on the schema", peers, agree, nodes)
		}
		return nil
	})
}

// connect returns a session with one host only, with TLS if there is a certificate.
func connect(host, cert, key string) (*gocql.Session, error) {
	c := gocql.NewCluster(host)
	c.DisableInitialHostLookup = true
	c.HostFilter = gocql.WhiteListHostFilter(host)
	c.NumConns = 1
	c.Consistency = gocql.One
	c.Timeout, c.ConnectTimeout = 30*time.Second, 5*time.Second
	c.Authenticator = gocql.PasswordAuthenticator{Username: User, Password: Password} // for servers that ask
	if cert != "" {
		c.SslOpts = &gocql.SslOptions{CaPath: cert, CertPath: cert, KeyPath: key, EnableHostVerification: true}
	}
	c.Logger = silent{}
	return c.CreateSession()
}

// silent keeps the driver from telling what tries to connect came to nothing.
type silent struct{}

func (silent) Error(string, ...gocql.LogField)   {}
func (silent) Warning(string, ...gocql.LogField) {}
func (silent) Info(string, ...gocql.LogField)    {}
func (silent) Debug(string, ...gocql.LogField)   {}

// startTime is how long a node may take to start, on a machine that does other things too.
const startTime = 5 * time.Minute

// poll does try until it succeeds. It gives up when the process ends.
func (n *node) poll(ctx context.Context, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-n.done:
			return fmt.Errorf("node %s ended; it said:\n%s", n.address, n.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("wait for node %s: %w: %w", n.address, ctx.Err(), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (n *node) lastWords() string {
	b, err := os.ReadFile(filepath.Join(n.dir, "output"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-4096):])
}
