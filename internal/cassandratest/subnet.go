package cassandratest

import (
	"errors"
	"fmt"
	"net"
)

// A subnet is a range of this machine's addresses, 127.0.N.1 and up, that no other run
// has. It is held by listening on a port that no node has.
type subnet struct {
	number byte
	holder net.Listener
}

const holderPort = "7099"

// claimSubnet takes the wanted subnet, or any if that is 0.
func claimSubnet(wanted byte, nodes int) (*subnet, error) {
	if wanted != 0 {
		return trySubnet(wanted, nodes)
	}
	var last error
	for number := byte(1); number < 100; number++ {
		s, err := trySubnet(number, nodes)
		if err == nil {
			return s, nil
		}
		last = err
	}
	return nil, fmt.Errorf("find free addresses for the nodes: %w", last)
}

func trySubnet(number byte, nodes int) (*subnet, error) {
	s := &subnet{number: number}
	var err error
	if s.holder, err = net.Listen("tcp", net.JoinHostPort(s.address(0), holderPort)); err != nil {
		return nil, err
	}
	for i := range nodes {
		for _, port := range []string{peerPort, clientPort} {
			l, err := net.Listen("tcp", net.JoinHostPort(s.address(i), port))
			if err == nil {
				err = l.Close()
			}
			if err != nil {
				return nil, errors.Join(err, s.release())
			}
		}
	}
	return s, nil
}

func (s *subnet) address(i int) string { return fmt.Sprintf("127.0.%d.%d", s.number, i+1) }

func (s *subnet) release() error { return s.holder.Close() }
