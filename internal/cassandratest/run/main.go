// Command run starts three nodes of Cassandra, runs a command that finds them by the
// environment variable PARLANCE_CASSANDRA, stops the nodes, and exits as the command did:
//
//	go run ./internal/cassandratest/run -- go test ./store/...
//
// Where Java 17 or Maven is missing the command is run without nodes, unless the
// environment variable CI is true.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"parlance/internal/cassandratest"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: run -- COMMAND [ARGUMENT …]")
		os.Exit(2)
	}
	code, err := run(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// run returns the command's exit code.
func run(args []string) (code int, err error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	began := time.Now()
	cluster, err := cassandratest.Start(ctx, cassandratest.Options{})
	switch {
	case errors.Is(err, cassandratest.ErrMissing) && os.Getenv("CI") != "true":
		fmt.Fprintln(os.Stderr, cassandratest.ErrMissing.Error()+": the tests on a real Cassandra are skipped")
	case err != nil:
		return 0, fmt.Errorf("start Cassandra: %w", err)
	default:
		hosts := strings.Join(cluster.Hosts(), ",")
		fmt.Fprintf(os.Stderr, "Cassandra %s runs at %s after %.0f s\n", cassandratest.Version, hosts, time.Since(began).Seconds())
		os.Setenv(cassandratest.HostsVariable, hosts)
		defer func() { err = errors.Join(err, cluster.Stop()) }()
	}

	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exit.ExitCode(), nil
	}
	return 0, err
}
