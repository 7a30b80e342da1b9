package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Nodes say how this node and others tell each other news. The zero value means that there
// are no others.
type Nodes struct {
	// URL is that of NATS servers elsewhere, several with commas between them.
	URL string
	// Listen is the host:port at which a server in this process is found by those in other
	// nodes; Routes, each host:port, are where it looks for them.
	Listen string
	Routes []string
}

const busForms = "want none, or nats://HOST:PORT or tls://HOST:PORT (several with commas), or embedded://HOST:PORT?routes=HOST:PORT (more with commas)"

// setBus takes how nodes reach each other. One with a password in it is refused later, by
// Check, since the error that is returned here is told with the value.
func setBus(c *Config, v string) error {
	c.Bus = v
	if strings.Contains(v, "@") {
		return nil
	}
	_, err := parseNodes(v)
	return err
}

// Nodes returns what the key bus says.
func (c *Config) Nodes() Nodes {
	n, err := parseNodes(c.Bus)
	if err != nil { // it was not set by Load
		return Nodes{}
	}
	return n
}

func parseNodes(v string) (Nodes, error) {
	scheme, rest, ok := strings.Cut(v, "://")
	switch {
	case v == "" || v == "none":
		return Nodes{}, nil
	case ok && (scheme == "nats" || scheme == "tls"):
		for one := range strings.SplitSeq(v, ",") {
			u, err := url.Parse(one)
			if err != nil || u.Scheme != scheme || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" {
				return Nodes{}, errors.New(busForms)
			}
		}
		return Nodes{URL: v}, nil
	case !ok || scheme != "embedded":
		return Nodes{}, errors.New(busForms)
	}
	listen, query, _ := strings.Cut(rest, "?")
	if err := CheckAddress(listen); err != nil {
		return Nodes{}, fmt.Errorf("the bus listens on: %w", err)
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return Nodes{}, errors.New(busForms)
	}
	n := Nodes{Listen: listen}
	for name, values := range q {
		if name != "routes" {
			return Nodes{}, fmt.Errorf("unknown parameter %q; %s", name, busForms)
		}
		for _, list := range values {
			n.Routes = append(n.Routes, strings.FieldsFunc(list, func(r rune) bool { return r == ',' })...)
		}
	}
	for _, route := range n.Routes {
		if err := CheckAddress(route); err != nil {
			return Nodes{}, fmt.Errorf("route %q: %w", route, err)
		}
	}
	return n, nil
}

// checkBus reports what keeps the bus from starting: a way to prove who one is that doesn't fit,
// half a certificate, or a server that anybody who reaches it could join.
func (c *Config) checkBus() error {
	n := c.Nodes()
	set := func(values ...string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return v != "" })
	}
	ways := 0
	for _, one := range []string{c.BusUser, c.BusToken, c.BusCreds} {
		if one != "" {
			ways++
		}
	}
	switch {
	case strings.Contains(c.Bus, "@"):
		return fmt.Errorf("%s: a password doesn't belong there: set bus_user and bus_password, or bus_token, in the file or the environment", c.place("bus"))
	case (c.BusCert == "") != (c.BusKey == ""):
		return errors.New("bus_cert and bus_key: give both or none")
	case (c.BusUser == "") != (c.BusPassword == ""):
		return errors.New("bus_user and bus_password: give both or none")
	case ways > 1:
		return errors.New("bus_user, bus_token and bus_creds: give one of them")
	case n.Listen == "":
		return nil
	case set(c.BusToken, c.BusCreds):
		return errors.New("bus_token and bus_creds are for nats:// and tls://; the servers inside the nodes know bus_user and bus_password")
	case c.BusCA != "" && c.BusCert == "":
		return errors.New("bus_ca: the servers inside the nodes need bus_cert and bus_key too")
	case !Loopback(n.Listen) && c.BusUser == "" && (c.BusCert == "" || c.BusCA == ""):
		return fmt.Errorf("%s: %s can be reached from other machines, and whoever does could join: "+
			"give all nodes the same bus_user and bus_password, or bus_ca, bus_cert and bus_key", c.place("bus"), n.Listen)
	}
	return nil
}
