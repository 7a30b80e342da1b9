package main

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"parlance"
	"parlance/internal/upstream"
	"parlance/mirror"
)

// secretOf returns an upstream's credential: what its file says, and above that what the environment does for this upstream alone, in
// PARLANCE_MIRROR_NAME_TOKEN and its siblings. PARLANCE_MIRROR_TOKEN and its siblings are for upstreams without a file. It returns none for an address
// to which it would go in the clear.
func secretOf(c mirror.Config, env func(string) (string, bool)) (mirror.Secret, error) {
	var s mirror.Secret
	if err := checkClear(c.URL, c.InsecureHTTP); err != nil {
		return s, err
	}
	if c.SecretFile != "" {
		if err := readSecret(c.SecretFile, &s); err != nil {
			return mirror.Secret{}, err
		}
	}
	own := "PARLANCE_MIRROR_" + strings.ToUpper(strings.ReplaceAll(string(c.Name), "-", "_")) + "_"
	prefixes := []string{"PARLANCE_MIRROR_", own}
	if c.SecretFile != "" {
		prefixes = prefixes[1:] // which upstream a general one is meant for can't be told
	}
	for name, field := range secretFields(&s) {
		for _, prefix := range prefixes {
			if v, ok := env(prefix + strings.ToUpper(name)); ok && v != "" {
				*field = v
			}
		}
	}
	return s, checkSecret(c, s)
}

// checkClear refuses an address to which a credential would go in the clear, over a network that others may listen to, unless that is allowed.
func checkClear(address string, allowed bool) error {
	u, err := url.Parse(address)
	if allowed || err != nil || u.Scheme != "http" {
		return nil
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return nil
	}
	return parlance.Errorf(parlance.Invalid,
		"by http:// the credential would go to %s in the clear: use https://, or allow it with --insecure-http", upstream.Shown(u.Host))
}

// checkSecret reports what an upstream's platform asks for and s lacks.
func checkSecret(c mirror.Config, s mirror.Secret) error {
	var want string
	switch c.Platform {
	case parlance.IMKit:
		if s.APIKey == "" && (s.ClientKey == "" || s.Token == "") {
			want = "client_key and token, or api_key"
		}
	case parlance.Shopline:
		if s.Token == "" {
			want = "token"
		}
	case parlance.IMetaStore:
		if s.Email == "" || s.Password == "" {
			want = "email and password"
		}
	}
	if want == "" {
		return nil
	}
	where := "in the environment (PARLANCE_MIRROR_...); or name a file with --secret-file"
	if c.SecretFile != "" {
		where = "in " + c.SecretFile + ", or the environment for this upstream alone"
	}
	return parlance.Wrap(parlance.Unauthenticated, fmt.Errorf("want %s", want), "no whole credential for %s %s", c.Platform, where)
}
