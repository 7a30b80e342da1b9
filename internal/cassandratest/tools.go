package cassandratest

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// ErrMissing says that this machine can't run Cassandra.
var ErrMissing = errors.New("no Java 17 (or Maven)")

// Version is the version of Cassandra that is run.
const Version = "5.0.8"

//go:embed server/pom.xml
var pom []byte

// findJava returns the path of a java that can run Cassandra: version 11 or 17.
func findJava(ctx context.Context) (string, error) {
	var tries []string
	if home := os.Getenv("JAVA_HOME"); home != "" {
		tries = append(tries, filepath.Join(home, "bin", "java"))
	}
	if path, err := exec.LookPath("java"); err == nil {
		tries = append(tries, path)
	}
	for _, pattern := range []string{"/usr/lib/jvm/*17*/bin/java", "/usr/lib/jvm/*11*/bin/java"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		tries = append(tries, found...)
	}
	for _, java := range tries {
		said, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
		if err == nil && goodJava.Match(said) {
			return filepath.EvalSymlinks(java)
		}
	}
	return "", ErrMissing
}

var goodJava = regexp.MustCompile(`version "(11|17)[.+"]`)

// findJars returns the folder that holds the server's jars. Maven fetches them the first
// time, to the user's cache, or to the folder that PARLANCE_CASSANDRA_JARS names.
func findJars(ctx context.Context, java string) (string, error) {
	dir := os.Getenv("PARLANCE_CASSANDRA_JARS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find a folder for Cassandra's jars: %w", err)
		}
		dir = filepath.Join(cache, "parlance", "cassandra-"+Version)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	if err := fetchJars(ctx, java, dir); err != nil {
		return "", fmt.Errorf("fetch Cassandra's jars: %w", err)
	}
	return dir, nil
}

func fetchJars(ctx context.Context, java, dir string) error {
	maven, err := exec.LookPath("mvn")
	if err != nil {
		return ErrMissing
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := os.WriteFile(filepath.Join(temp, "pom.xml"), pom, 0o600); err != nil {
		return err
	}
	jars := filepath.Join(temp, "jars")
	cmd := exec.CommandContext(ctx, maven, "-q", "-B", "-f", filepath.Join(temp, "pom.xml"),
		"org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
		"-DincludeScope=runtime", "-DoutputDirectory="+jars)
	cmd.Env = append(os.Environ(), "JAVA_HOME="+filepath.Dir(filepath.Dir(java)))
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, said[max(0, len(said)-2048):])
	}
	if err := os.Rename(jars, dir); err != nil {
		if _, there := os.Stat(dir); there != nil {
			return err
		}
		// Another process was faster, and its jars are as good.
	}
	return nil
}
