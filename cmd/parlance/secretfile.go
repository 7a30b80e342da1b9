package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"parlance"
	"parlance/mirror"
)

// readSecret reads a file with a credential. Errors show nothing of it.
func readSecret(path string, s *mirror.Secret) error {
	f, err := os.Open(path)
	if err != nil {
		return parlance.Wrap(parlance.Unauthenticated, err, "open the file with the credential")
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, parlance.MaxSecretFile+1))
	if err != nil {
		return parlance.Wrap(parlance.Unauthenticated, err, "read the file with the credential")
	}
	if *s, err = parseSecret(b); err != nil {
		return parlance.Wrap(parlance.Unauthenticated, err, "the file with the credential, %s, can't be read", path)
	}
	return nil
}

// secretFields returns where the names of a secret file lead.
func secretFields(s *mirror.Secret) map[string]*string {
	return map[string]*string{
		"client_key": &s.ClientKey, "token": &s.Token, "api_key": &s.APIKey, "email": &s.Email, "password": &s.Password,
	}
}

// parseSecret reads a file of YAML or JSON that holds one mapping of known names to texts. A value that stands without quotes is taken if YAML reads it as
// anybody would who looks at the line: what YAML would cut off, join, or give another meaning is refused. Errors name the line, and show nothing of it.
func parseSecret(b []byte) (s mirror.Secret, err error) {
	if len(b) > parlance.MaxSecretFile {
		return s, fmt.Errorf("it is larger than %d bytes", parlance.MaxSecretFile)
	}
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(string(b), "\uFEFF"))
	if err := checkSecretText(text); err != nil {
		return s, err
	}
	d := yaml.NewDecoder(strings.NewReader(text))
	var doc yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return s, nil // nothing is in it
	case err != nil || len(doc.Content) != 1:
		return s, errSecretForm
	}
	if !errors.Is(d.Decode(new(yaml.Node)), io.EOF) {
		return s, errors.New("more than one document is in it")
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" && root.Value == "" {
		return s, nil
	}
	if root.Kind != yaml.MappingNode || root.Anchor != "" || root.Style&yaml.TaggedStyle != 0 {
		return s, errSecretForm
	}
	lines := strings.Split(text, "\n")
	fields := secretFields(&s)
	given := map[string]bool{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		field := fields[key.Value]
		if field == nil || key.Kind != yaml.ScalarNode {
			return mirror.Secret{}, fmt.Errorf("line %d: an unknown name; want client_key, token, api_key, email or password", key.Line)
		}
		if given[key.Value] {
			return mirror.Secret{}, fmt.Errorf("line %d: %s is there twice", key.Line, key.Value)
		}
		given[key.Value] = true
		if err := checkSecretValue(value, lines, root.Style&yaml.FlowStyle != 0); err != nil {
			return mirror.Secret{}, fmt.Errorf("line %d: %s: %w", key.Line, key.Value, err)
		}
		*field = value.Value
	}
	return s, nil
}

var errSecretForm = errors.New(`want lines like "token: ...", with client_key, token, api_key, email or password`)

// checkSecretText refuses what isn't text on lines: other signs that YAML takes for line ends too.
func checkSecretText(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("it isn't UTF-8")
	}
	line := 1
	for _, r := range text {
		switch {
		case r == '\n':
			line++
		case r == '\t':
		case r < ' ', r == 0x7f, r >= 0x80 && r < 0xa0, r == '\u2028', r == '\u2029', r == '\uFEFF':
			return fmt.Errorf("line %d: a control character is in it", line)
		}
	}
	return nil
}

// checkSecretValue refuses a value that YAML reads otherwise than who reads its line.
func checkSecretValue(v *yaml.Node, lines []string, flow bool) error {
	quoted := v.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
	switch {
	case v.Kind != yaml.ScalarNode || v.Anchor != "" || v.Alias != nil || v.Style&yaml.TaggedStyle != 0:
		return errors.New("want a text; put it in quotes if it is one")
	case v.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return errors.New("want it on one line")
	case strings.ContainsFunc(v.Value, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("a control character is in it")
	case v.Value == "" && !quoted:
		return nil
	case v.Line < 1 || v.Line > len(lines):
		return errSecretForm
	}
	line := []rune(lines[v.Line-1]) // columns count characters
	if v.Column < 1 || v.Column > len(line) {
		return errSecretForm
	}
	rest := string(line[v.Column-1:])
	if quoted {
		if !closes(rest) {
			return errors.New("want it on one line")
		}
		return nil
	}
	rest, is := strings.CutPrefix(rest, v.Value)
	rest = strings.Trim(rest, " \t")
	switch {
	case !is || rest != "" && !(flow && strings.ContainsRune(",}", rune(rest[0]))):
		return errors.New("YAML reads it otherwise than it looks, for its # or since it goes on in the next line; put it in quotes")
	case v.Tag == "!!null":
		return errors.New("YAML reads it as nothing; put it in quotes if it is a text")
	}
	return nil
}

// closes reports whether a quotation ends in the line in which it begins.
func closes(rest string) bool {
	quote := rest[0]
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == '\\' && quote == '"':
			i++
		case rest[i] == quote && quote == '\'' && i+1 < len(rest) && rest[i+1] == quote:
			i++
		case rest[i] == quote:
			return true
		}
	}
	return false
}

// secretLine is a line of a secret file that is read as this value: without quotes if that is so.
func secretLine(name, value string) string {
	line := name + ": " + value
	if s, err := parseSecret([]byte(line + "\n")); err == nil && *secretFields(&s)[name] == value {
		return line
	}
	return name + ": " + strconv.Quote(value)
}
