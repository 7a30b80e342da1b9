package cassandratest

import (
	"errors"
	"os"
	"syscall"
)

// terminate asks a node to end in order.
var terminate os.Signal = syscall.SIGTERM

// dieWithParent has a node killed when this process ends, however that happens. The terminal's
// interrupt doesn't reach it.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

var errNotRunning = errors.New("the node doesn't run")

func pause(p *os.Process) error {
	if p == nil {
		return errNotRunning
	}
	return p.Signal(syscall.SIGSTOP)
}

func resume(p *os.Process) error {
	if p == nil {
		return errNotRunning
	}
	return p.Signal(syscall.SIGCONT)
}
