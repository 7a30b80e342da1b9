package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"parlance"
	"parlance/mirror"
)

// maxSecret is the largest file with a credential, in bytes.
const maxSecret = 64 << 10

// secretOf returns an upstream's credential: what its file says, and above that what the environment does, in
// PARLANCE_MIRROR_TOKEN and its siblings, or PARLANCE_MIRROR_NAME_TOKEN for one upstream alone.
func secretOf(c mirror.Config, env func(string) (string, bool)) (mirror.Secret, error) {
	var s mirror.Secret
	if c.SecretFile != "" {
		if err := readSecret(c.SecretFile, &s); err != nil {
			return mirror.Secret{}, err
		}
	}
	own := "PARLANCE_MIRROR_" + strings.ToUpper(strings.ReplaceAll(string(c.Name), "-", "_")) + "_"
	for name, field := range map[string]*string{
		"CLIENT_KEY": &s.ClientKey, "TOKEN": &s.Token, "API_KEY": &s.APIKey, "EMAIL": &s.Email, "PASSWORD": &s.Password,
	} {
		for _, prefix := range []string{"PARLANCE_MIRROR_", own} {
			if v, ok := env(prefix + name); ok && v != "" {
				*field = v
			}
		}
	}
	return s, checkSecret(c, s)
}

// readSecret reads a file of YAML or JSON. Errors show nothing of it.
func readSecret(path string, s *mirror.Secret) error {
	f, err := os.Open(path)
	if err != nil {
		return parlance.Wrap(parlance.Unauthenticated, err, "open the file with the credential")
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret))
	if err != nil {
		return parlance.Wrap(parlance.Unauthenticated, err, "read the file with the credential")
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(s); err != nil && !errors.Is(err, io.EOF) {
		return parlance.Errorf(parlance.Unauthenticated,
			"the file with the credential, %s, can't be read: want lines like \"token: ...\", with client_key, token, api_key, email or password", path)
	}
	return nil
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
		where = "in " + c.SecretFile + " or the environment"
	}
	return parlance.Wrap(parlance.Unauthenticated, fmt.Errorf("want %s", want), "no whole credential for %s %s", c.Platform, where)
}
