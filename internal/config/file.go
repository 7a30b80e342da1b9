package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parse reads a file's settings. The file is read as a tree, so that everything that is wrong
// with it can be told with its line, in the words of whoever wrote it.
func (c *Config) parse(file string, b []byte) error {
	d := yaml.NewDecoder(bytes.NewReader(b))
	var doc yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil // nothing but comments
	} else if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: want one YAML document, there are more", file)
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil
	}
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d: want a list of \"key: value\"", file, root.Line)
	}
	seen := map[string]int{}
	for i := 0; i < len(root.Content); i += 2 {
		name, value := root.Content[i], root.Content[i+1]
		k, ok := find(name.Value)
		switch {
		case !ok:
			return fmt.Errorf("%s:%d: unknown key %q; the keys are %s", file, name.Line, name.Value, strings.Join(Keys(), ", "))
		case seen[k.name] != 0:
			return fmt.Errorf("%s:%d: %s is given already in line %d", file, name.Line, k.name, seen[k.name])
		case value.Kind != yaml.ScalarNode:
			return fmt.Errorf("%s:%d: %s: want a single value", file, value.Line, k.name)
		}
		seen[k.name] = name.Line
		if value.Tag == "!!null" {
			continue // "key:" without a value
		}
		if err := c.set(k, value.Value, fmt.Sprintf("%s:%d", file, value.Line)); err != nil {
			return err
		}
	}
	return nil
}
