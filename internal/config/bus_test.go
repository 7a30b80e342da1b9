package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestNodes(t *testing.T) {
	for v, want := range map[string]Nodes{
		"none":                               {},
		"":                                   {},
		"nats://a:4222":                      {URL: "nats://a:4222"},
		"tls://a:4222,tls://b":               {URL: "tls://a:4222,tls://b"},
		"embedded://127.0.0.1:0":             {Listen: "127.0.0.1:0"},
		"embedded://:6222?routes=a:6222,b:1": {Listen: ":6222", Routes: []string{"a:6222", "b:1"}},
	} {
		c, err := Load(Sources{Env: env{"PARLANCE_BUS": v}.lookup})
		if got := c.Nodes(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v; want %+v", v, got, err, want)
		}
	}
	for _, v := range []string{
		"nowhere", "http://a:1", "nats://", "nats://a,tls://b", "nats://a/path", "nats://a?x=y", "embedded://", "embedded://a",
		"embedded://a:99999", "embedded://a:1?routes=b", "embedded://a:1?route=b:1", "embedded://a:1?%", "nats://[",
	} {
		if c, err := Load(Sources{Env: env{"PARLANCE_BUS": v}.lookup}); err == nil || !strings.HasPrefix(err.Error(), "PARLANCE_BUS: ") {
			t.Errorf("%q: %+v, %v", v, c.Nodes(), err)
		}
	}
}

// A bus that others could join, or whose settings contradict each other, is refused before it starts.
func TestCheckBus(t *testing.T) {
	const inside, outside = "embedded://127.0.0.1:1", "embedded://:6222"
	for _, c := range []struct {
		config Config
		want   string // in the error; empty = none
	}{
		{Config{Bus: "none"}, ""},
		{Config{Bus: inside}, ""},
		{Config{Bus: outside}, "whoever does could join"},
		{Config{Bus: outside, BusUser: "u", BusPassword: "p"}, ""},
		{Config{Bus: outside, BusCA: "f", BusCert: "f", BusKey: "f"}, ""},
		{Config{Bus: outside, BusCert: "f", BusKey: "f"}, "whoever does could join"},
		{Config{Bus: inside, BusCA: "f"}, "bus_cert and bus_key too"},
		{Config{Bus: inside, BusToken: "t"}, "are for nats://"},
		{Config{Bus: "nats://a", BusToken: "t"}, ""},
		{Config{Bus: "nats://a", BusToken: "t", BusUser: "u", BusPassword: "p"}, "give one of them"},
		{Config{Bus: "nats://a", BusUser: "u"}, "bus_user and bus_password"},
		{Config{Bus: "nats://a", BusCert: "f"}, "bus_cert and bus_key"},
		{Config{Bus: "nats://u:geheim@a"}, "doesn't belong there"},
		{Config{Bus: "embedded://u:geheim@a:1"}, "doesn't belong there"},
	} {
		c.config.Listen = "127.0.0.1:0"
		err := c.config.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c.config, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "geheim") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// Passwords are not shown, wherever they stand.
func TestBusSecretsAreConcealed(t *testing.T) {
	c, err := Load(Sources{Env: env{"PARLANCE_BUS": "nats://geheim@a", "PARLANCE_BUS_PASSWORD": "geheim", "PARLANCE_BUS_TOKEN": "geheim"}.lookup})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Settings() {
		if v, ok := s.Value.(string); ok && s.Key != "bus" && strings.Contains(v, "geheim") {
			t.Errorf("%s is shown", s.Key)
		}
	}
	if err := c.Check(); err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("Check = %v", err)
	}
}
