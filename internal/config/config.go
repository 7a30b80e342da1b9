// Package config reads a server's settings from a file, the environment and the
// command line, and says where each came from.
//
// The command line wins over the environment, the environment over the file. The file
// is YAML, a flat list of keys. Each key has a variable, in upper case behind PARLANCE_, and a
// flag, with dashes: shopline_rate, PARLANCE_SHOPLINE_RATE, --shopline-rate. Only the
// variable of data is PARLANCE_DATA_DIR, for PARLANCE_DATA is where tests look for test data.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"parlance"
)

// Config is a server's settings.
type Config struct {
	Data        string   // the store's folder
	Engine      string   // pebble or cassandra
	Hosts       []string // of the cluster, HOST or HOST:PORT
	Keyspace    string
	Replication int    // of a keyspace that is made
	Consistency string // local_quorum or quorum
	Files       string // folder of attachments beside a cluster; empty: they aren't kept

	FilesQuota, FilesWorkspaceQuota int64 // bytes that attachments may take, all and those of one workspace
	FilesReserve                    int64 // bytes of the disk that attachments leave free; 0: none

	CertificateKey string // file of the key that signs certificates; empty: certificate.key in the store's folder

	CassandraUser, CassandraPassword         string
	CassandraDC                              string // local data centre; empty: that of the host that answers first
	CassandraTLS                             bool
	CassandraCA, CassandraCert, CassandraKey string // files, PEM
	CassandraProtocol                        int    // 5, or 4 for ScyllaDB

	Listen        string // host:port
	TLSCert       string // file, PEM; empty = no TLS
	TLSKey        string
	MetricsListen string // host:port of metrics and health alone; empty: they are at Listen
	BehindProxy   bool   // something in front speaks TLS

	TrustedProxies []netip.Prefix // proxies whose X-Forwarded-For is believed

	Memory int64 // bytes of memory that a server tries to stay within

	PublicURL    string // where the world finds the server; empty: attachments keep their own addresses
	ShoplineRate int    // requests per second and SHOPLINE token; 0 = no limit
	LogLevel     slog.Level

	Bus                                      string // how nodes tell each other news: see [Config.Nodes]
	BusUser, BusPassword, BusToken, BusCreds string // BusCreds is a file
	BusCA, BusCert, BusKey                   string // files, PEM

	origins map[string]string // of the keys that were set
}

// Defaults are the settings that hold if nothing is said.
func Defaults() Config {
	return Config{
		Listen: "127.0.0.1:8080", LogLevel: slog.LevelInfo, Bus: "none",
		Engine: "pebble", Keyspace: "parlance", Replication: 3, Consistency: "local_quorum", CassandraProtocol: 5,
		Memory:     parlance.DefaultMemory,
		FilesQuota: parlance.MaxFilesAll, FilesWorkspaceQuota: parlance.MaxFilesWorkspace, FilesReserve: parlance.FilesReserve,
	}
}

// A key is one setting: how it is read from text, and written.
type key struct {
	name string
	set  func(*Config, string) error
	get  func(*Config) any
}

var keys = []key{
	{"data", text(func(c *Config) *string { return &c.Data }), func(c *Config) any { return c.Data }},
	{"engine", oneOf(func(c *Config) *string { return &c.Engine }, "pebble", "cassandra"), func(c *Config) any { return c.Engine }},
	{"hosts", setHosts, func(c *Config) any { return strings.Join(c.Hosts, ",") }},
	{"keyspace", text(func(c *Config) *string { return &c.Keyspace }), func(c *Config) any { return c.Keyspace }},
	{"replication", whole(func(c *Config) *int { return &c.Replication }, 1, 99), func(c *Config) any { return c.Replication }},
	{"consistency", oneOf(func(c *Config) *string { return &c.Consistency }, "local_quorum", "quorum"), func(c *Config) any { return c.Consistency }},
	{"files", text(func(c *Config) *string { return &c.Files }), func(c *Config) any { return c.Files }},
	{"files_quota", size(func(c *Config) *int64 { return &c.FilesQuota }, 1), func(c *Config) any { return c.FilesQuota }},
	{"files_workspace_quota", size(func(c *Config) *int64 { return &c.FilesWorkspaceQuota }, 1), func(c *Config) any { return c.FilesWorkspaceQuota }},
	{"files_reserve", size(func(c *Config) *int64 { return &c.FilesReserve }, 0), func(c *Config) any { return c.FilesReserve }},
	{"certificate_key", text(func(c *Config) *string { return &c.CertificateKey }), func(c *Config) any { return c.CertificateKey }},
	{"cassandra_user", text(func(c *Config) *string { return &c.CassandraUser }), func(c *Config) any { return c.CassandraUser }},
	{"cassandra_password", text(func(c *Config) *string { return &c.CassandraPassword }), func(c *Config) any { return concealed(c.CassandraPassword) }},
	{"cassandra_dc", text(func(c *Config) *string { return &c.CassandraDC }), func(c *Config) any { return c.CassandraDC }},
	{"cassandra_tls", truth(func(c *Config) *bool { return &c.CassandraTLS }), func(c *Config) any { return c.CassandraTLS }},
	{"cassandra_ca", text(func(c *Config) *string { return &c.CassandraCA }), func(c *Config) any { return c.CassandraCA }},
	{"cassandra_cert", text(func(c *Config) *string { return &c.CassandraCert }), func(c *Config) any { return c.CassandraCert }},
	{"cassandra_key", text(func(c *Config) *string { return &c.CassandraKey }), func(c *Config) any { return c.CassandraKey }},
	{"cassandra_protocol", whole(func(c *Config) *int { return &c.CassandraProtocol }, 4, 5), func(c *Config) any { return c.CassandraProtocol }},
	{"listen", text(func(c *Config) *string { return &c.Listen }), func(c *Config) any { return c.Listen }},
	{"metrics_listen", text(func(c *Config) *string { return &c.MetricsListen }), func(c *Config) any { return c.MetricsListen }},
	{"tls_cert", text(func(c *Config) *string { return &c.TLSCert }), func(c *Config) any { return c.TLSCert }},
	{"tls_key", text(func(c *Config) *string { return &c.TLSKey }), func(c *Config) any { return c.TLSKey }},
	{"trusted_proxies", setTrustedProxies, func(c *Config) any { return networks(c.TrustedProxies) }},
	{"behind_proxy", truth(func(c *Config) *bool { return &c.BehindProxy }), func(c *Config) any { return c.BehindProxy }},
	{"memory", size(func(c *Config) *int64 { return &c.Memory }, parlance.LeastMemory), func(c *Config) any { return c.Memory }},
	{"public_url", setPublicURL, func(c *Config) any { return c.PublicURL }},
	{"shopline_rate", setShoplineRate, func(c *Config) any { return c.ShoplineRate }},
	{"bus", setBus, func(c *Config) any { return c.Bus }},
	{"bus_user", text(func(c *Config) *string { return &c.BusUser }), func(c *Config) any { return c.BusUser }},
	{"bus_password", text(func(c *Config) *string { return &c.BusPassword }), func(c *Config) any { return concealed(c.BusPassword) }},
	{"bus_token", text(func(c *Config) *string { return &c.BusToken }), func(c *Config) any { return concealed(c.BusToken) }},
	{"bus_creds", text(func(c *Config) *string { return &c.BusCreds }), func(c *Config) any { return c.BusCreds }},
	{"bus_ca", text(func(c *Config) *string { return &c.BusCA }), func(c *Config) any { return c.BusCA }},
	{"bus_cert", text(func(c *Config) *string { return &c.BusCert }), func(c *Config) any { return c.BusCert }},
	{"bus_key", text(func(c *Config) *string { return &c.BusKey }), func(c *Config) any { return c.BusKey }},
	{"log_level", setLogLevel, func(c *Config) any { return strings.ToLower(c.LogLevel.String()) }},
}

// Variable returns the environment's name of a key.
func Variable(key string) string {
	if key == "data" {
		key = "data_dir"
	}
	return "PARLANCE_" + strings.ToUpper(key)
}

// Flag returns the command line's name of a key, with its dashes.
func Flag(key string) string { return "--" + strings.ReplaceAll(key, "_", "-") }

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		*field(c) = v
		return nil
	}
}

// concealed stands for a secret where settings are shown.
func concealed(secret string) string {
	if secret == "" {
		return ""
	}
	return "(set)"
}

func truth(field func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, v string) (err error) {
		if *field(c), err = strconv.ParseBool(v); err != nil {
			return errors.New("want true or false")
		}
		return nil
	}
}

func oneOf(field func(*Config) *string, values ...string) func(*Config, string) error {
	return func(c *Config, v string) error {
		if !slices.Contains(values, v) {
			return fmt.Errorf("want %s", strings.Join(values, " or "))
		}
		*field(c) = v
		return nil
	}
}

// whole reads a whole number from low to high, both included.
func whole(field func(*Config) *int, low, high int) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < low || n > high {
			return fmt.Errorf("want a whole number from %d to %d", low, high)
		}
		*field(c) = n
		return nil
	}
}

// size reads a number of bytes, low or more: digits, and behind them Ki, Mi, Gi or Ti if it is of these.
func size(field func(*Config) *int64, low int64) func(*Config, string) error {
	return func(c *Config, v string) error {
		digits, shift := v, 0
		for i, unit := range []string{"Ki", "Mi", "Gi", "Ti"} {
			if before, ok := strings.CutSuffix(v, unit); ok {
				digits, shift = before, 10*(i+1)
			}
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n > math.MaxInt64>>shift || n<<shift < low {
			return fmt.Errorf("want a number of bytes from %d on, such as 1073741824 or 1Gi", low)
		}
		*field(c) = n << shift
		return nil
	}
}

func setHosts(c *Config, v string) error {
	c.Hosts = nil
	for h := range strings.SplitSeq(v, ",") {
		if h = strings.TrimSpace(h); h == "" {
			return errors.New("want HOST[:PORT], and commas between several")
		}
		c.Hosts = append(c.Hosts, h)
	}
	return nil
}

// The largest networks of trusted proxies: private ones have no larger.
const (
	leastBits4 = 8
	leastBits6 = 7
)

func setTrustedProxies(c *Config, v string) error {
	c.TrustedProxies = nil
	for s := range strings.SplitSeq(v, ",") {
		s = strings.TrimSpace(s)
		p, err := netip.ParsePrefix(s)
		if ip, e := netip.ParseAddr(s); e == nil && ip.Zone() == "" {
			p, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		switch {
		case err != nil:
			return errors.New("want networks such as 10.1.2.0/24 or addresses, and commas between several")
		case p.Addr().Is4In6():
			return fmt.Errorf("%s: write it as IPv4", s)
		case p.Addr().Is4() && p.Bits() < leastBits4, p.Addr().Is6() && p.Bits() < leastBits6:
			return fmt.Errorf("%s has too many addresses: name the proxies' own, no more than a /%d of IPv4 or a /%d of IPv6", s, leastBits4, leastBits6)
		}
		c.TrustedProxies = append(c.TrustedProxies, p.Masked())
	}
	return nil
}

func networks(ps []netip.Prefix) string {
	all := make([]string, len(ps))
	for i, p := range ps {
		all[i] = p.String()
	}
	return strings.Join(all, ",")
}

func setPublicURL(c *Config, v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		strings.Trim(u.Path, "/") != "" {
		return errors.New("want https://HOST or http://HOST")
	}
	c.PublicURL = strings.TrimRight(v, "/")
	return nil
}

func setShoplineRate(c *Config, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return errors.New("want a number of requests per second, 0 for no limit")
	}
	c.ShoplineRate = n
	return nil
}

func setLogLevel(c *Config, v string) error {
	switch v {
	case "debug", "info", "warn", "error":
		return c.LogLevel.UnmarshalText([]byte(v))
	}
	return errors.New("want debug, info, warn or error")
}

// Sources are where settings come from.
type Sources struct {
	File  string                      // path; empty = none
	Env   func(string) (string, bool) // as os.LookupEnv
	Flags map[string]string           // those given, by the key's name
}

// Load returns the settings that s comes to. Settings that can't be are an error that names
// the place where they were made; whether they go together is told by [Config.Check].
func Load(s Sources) (Config, error) {
	c := Defaults()
	c.origins = map[string]string{}
	if s.File != "" {
		b, err := os.ReadFile(s.File)
		if err != nil {
			return Config{}, fmt.Errorf("read the configuration: %w", err)
		}
		if err := c.parse(s.File, b); err != nil {
			return Config{}, err
		}
	}
	for _, k := range keys {
		if v, ok := s.Env(Variable(k.name)); ok && v != "" {
			if err := c.set(k, v, Variable(k.name)); err != nil {
				return Config{}, err
			}
		}
	}
	for _, k := range keys {
		if v, ok := s.Flags[k.name]; ok {
			if err := c.set(k, v, Flag(k.name)); err != nil {
				return Config{}, err
			}
		}
	}
	return c, nil
}

// set gives k a value that origin says.
func (c *Config) set(k key, value, origin string) error {
	c.origins[k.name] = origin
	if err := k.set(c, value); err != nil {
		return fmt.Errorf("%s: %q: %w", c.place(k.name), value, err)
	}
	return nil
}

// Check reports what keeps a server with these settings from starting: an address that
// isn't one, half a certificate, or an address that others can reach without TLS.
func (c *Config) Check() error {
	if err := CheckAddress(c.Listen); err != nil {
		return fmt.Errorf("%s: %q: %w", c.place("listen"), c.Listen, err)
	}
	if c.MetricsListen != "" {
		if err := CheckAddress(c.MetricsListen); err != nil {
			return fmt.Errorf("%s: %q: %w", c.place("metrics_listen"), c.MetricsListen, err)
		}
		if c.TLSCert == "" && !c.BehindProxy && !Loopback(c.MetricsListen) {
			return fmt.Errorf("%s: %s can be reached from other machines: give --tls-cert and --tls-key, or --behind-proxy, or listen on 127.0.0.1",
				c.place("metrics_listen"), c.MetricsListen)
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("tls_cert and tls_key: give both or none")
	}
	if c.TLSCert == "" && !c.BehindProxy && !Loopback(c.Listen) {
		return fmt.Errorf("%s: %s can be reached from other machines, and tokens would travel unencrypted: "+
			"give --tls-cert and --tls-key, or --behind-proxy if something in front speaks TLS, or listen on 127.0.0.1", c.place("listen"), c.Listen)
	}
	return c.checkBus()
}

// Given reports whether a key was set anywhere.
func (c *Config) Given(name string) bool { return c.origins[name] != "" }

// place names a key by where it was set, for the beginning of a message: a flag, a variable,
// or a line with the key.
func (c *Config) place(name string) string {
	switch o := c.origins[name]; o {
	case "":
		return name
	case Flag(name), Variable(name):
		return o
	default:
		return o + ": " + name
	}
}

// A Setting is one key as it stands.
type Setting struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`  // string, bool, int or int64
	Origin string `json:"origin"` // a file and line, a variable, a flag, or "default"
}

// Settings returns all keys as they stand.
func (c *Config) Settings() []Setting {
	all := make([]Setting, len(keys))
	for i, k := range keys {
		origin := c.origins[k.name]
		if origin == "" {
			origin = "default"
		}
		all[i] = Setting{k.name, k.get(c), origin}
	}
	return all
}

// Keys returns the names of all keys.
func Keys() []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return names
}

// find returns the key of that name.
func find(name string) (key, bool) {
	i := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
	if i < 0 {
		return key{}, false
	}
	return keys[i], true
}
