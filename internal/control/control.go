// Package control lets another process on the same machine read a store that a running program
// holds, freeze it, and have commands carried out on it. The program listens on a Unix socket in the store's folder, which
// only its owner can enter; a copy of the store connects to it.
//
// The calls are HTTP on the socket. Requests are JSON, answers are streams of gob:
//
//	GET  /version                   nothing: see below
//	GET  /bounds   the engine's bounds
//	POST /get      a question       → the values under its keys
//	POST /scan     a question       → its rows, in parts, the last one marked
//	POST /sync                      what could be read is made durable
//	POST /freeze   {"why": "..."}   writes stop, see store.Store.Freeze
//	POST /thaw                      and go on
//	POST /command  frames           → frames: a command, what it reads and prints, its exit code
//
// Each request and each answer begins with the version of this, in the header Parlance-Control, and one of another version is
// refused: a struct that changed would come over as zeroes otherwise.
//
// An error is an answer of status 400 and above, or the last part of a stream: a kind and a text.
package control

import (
	"parlance"
	"parlance/store/driver"
)

// The version of what is said on the socket. It changes with whatever is sent or understood there, the structs included.
const (
	versionHeader = "Parlance-Control"
	version       = "2"
)

// otherVersion is the error where one of another version speaks; an empty v is that of a time before there were versions.
func otherVersion(who, v string) error {
	if len(v) > 20 || v == "" {
		v = "1"
	}
	return parlance.Errorf(parlance.Conflict, "%s speaks version %q on the store's control socket, and this one version %s: "+
		"start the same parlance at both ends, by restarting the one that serves", who, v, version)
}

// Socket is the socket's name in the store's folder.
const Socket = "control.sock"

// maxRequest is the largest request in bytes. The store asks for at most some thousand keys at once.
const maxRequest = 32 << 20

// A question asks for rows of one partition: those under Keys, or those in the range.
type question struct {
	Table     driver.Table `json:"table"`
	Partition []byte       `json:"partition"`
	Keys      [][]byte     `json:"keys,omitempty"`
	From      *[]byte      `json:"from,omitempty"`
	To        *[]byte      `json:"to,omitempty"`
	Reverse   bool         `json:"reverse,omitempty"`
	Limit     int          `json:"limit,omitempty"`
}

func (q *question) partition() driver.Partition {
	return driver.Partition{Table: q.Table, Key: string(q.Partition)}
}

// bound returns b for a question: the difference between none and an empty one counts.
func bound(b []byte) *[]byte {
	if b == nil {
		return nil
	}
	return &b
}

func unbound(b *[]byte) []byte {
	switch {
	case b == nil:
		return nil
	case *b == nil:
		return []byte{}
	}
	return *b
}

// A part is a piece of an answer. Values are never empty, so an empty one is a missing row.
type part struct {
	Rows []driver.Row
	Last bool
	Kind parlance.ErrorKind // of the error that ended the answer
	Text string             // empty: none
}

func (p *part) err() error {
	if p.Text == "" {
		return nil
	}
	return parlance.Errorf(p.Kind, "%s", p.Text)
}

func failed(err error) part {
	return part{Last: true, Kind: parlance.KindOf(err), Text: err.Error()}
}

type freezing struct {
	Why string `json:"why"`
}
