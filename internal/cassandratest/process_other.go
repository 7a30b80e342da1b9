//go:build !linux

package cassandratest

import (
	"errors"
	"os"
	"syscall"
)

// terminate ends a node: not every system can ask.
var terminate = os.Kill

func dieWithParent() *syscall.SysProcAttr { return nil }

var errLinuxOnly = errors.New("nodes are paused on Linux only")

func pause(*os.Process) error { return errLinuxOnly }

func resume(*os.Process) error { return errLinuxOnly }
