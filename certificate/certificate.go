// Package certificate states what an archive has of the conversations that it mirrors, so that others can check the statement without
// the archive: which stretches of each history were read and how that is known, what the platform counted, what is missing
// and why, and the hash that each conversation's log comes to.
//
// It hides the form that is signed, where the key lies, and what a statement must say of its own limits. What is known of a history is
// decided by package mirror; here it is only told. It isn't a part of that package, because who checks a certificate has
// neither mirror nor store.
//
// A certificate is two lines. The first is the [Statement], and its bytes, without the line's end, are what is signed. The second is the
// key and the signature, see [Signature]. docs/certificate.md is for who has to check one without this program.
package certificate

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"parlance"
)

// Version is the version of the form that is written. A reader refuses all others.
const Version = 1

// A Signature is the second line of a certificate.
type Signature struct {
	Key       PublicKey `json:"ed25519"`
	Signature string    `json:"signature"` // Ed25519, of the first line; 128 hexadecimal digits
}

// A PublicKey is an Ed25519 key, 32 bytes. In text it is 64 lower-case hexadecimal digits.
type PublicKey [ed25519.PublicKeySize]byte

// String returns the key as text.
func (k PublicKey) String() string { return hex.EncodeToString(k[:]) }

// MarshalText returns the key as text.
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText returns, in upper case too.
func (k *PublicKey) UnmarshalText(b []byte) (err error) {
	*k, err = ParseKey(string(b))
	return err
}

// ParseKey reads a public key's text; Invalid if it is none.
func ParseKey(s string) (k PublicKey, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(k) {
		return k, parlance.Errorf(parlance.Invalid, "a public key has %d hexadecimal digits", 2*len(k))
	}
	return PublicKey(b), nil
}

// Sign returns the certificate that states s. It sets s's Version and Key.
func Sign(s *Statement, k *Key) ([]byte, error) {
	s.Version, s.Key = Version, k.Public()
	statement, err := line(s)
	if err != nil {
		return nil, fmt.Errorf("encode the statement: %w", err)
	}
	second, err := line(Signature{s.Key, hex.EncodeToString(ed25519.Sign(k.private, statement))})
	if err != nil {
		return nil, fmt.Errorf("encode the signature: %w", err)
	}
	return twoLines(statement, second), nil
}

func twoLines(first, second []byte) []byte {
	b := make([]byte, 0, len(first)+len(second)+2)
	b = append(append(b, first...), '\n')
	return append(append(b, second...), '\n')
}

// line returns v as JSON, without the end of the line.
func line(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Parse checks a certificate and returns what it states. Its signature must be by the key by, or, if that is nil, by the key that it
// names itself: then it is whole, and whose it is has to be learned elsewhere. The errors:
//
//   - [parlance.Corrupt]: it isn't of the form, something was changed, or another key signed it
//   - [parlance.Invalid]: it is signed, but of a version that this program doesn't know
func Parse(b []byte, by *PublicKey) (*Statement, error) {
	statement, rest, ok := bytes.Cut(b, []byte("\n"))
	if !ok {
		return nil, parlance.Errorf(parlance.Corrupt, "this is no certificate: it doesn't have two lines")
	}
	var sig Signature
	if err := json.Unmarshal(rest, &sig); err != nil {
		return nil, parlance.Wrap(parlance.Corrupt, err, "the certificate's second line can't be read")
	}
	// There is one way to write it, so that every change shows, be it one that changes no value.
	if want, err := line(sig); err != nil || string(rest) != string(want)+"\n" {
		return nil, parlance.Errorf(parlance.Corrupt, "the certificate's second line isn't as it was written")
	}
	raw, err := hex.DecodeString(sig.Signature)
	if err != nil || len(raw) != ed25519.SignatureSize || hex.EncodeToString(raw) != sig.Signature {
		return nil, parlance.Errorf(parlance.Corrupt, "the certificate's signature isn't one")
	}
	if by != nil && sig.Key != *by {
		return nil, parlance.Errorf(parlance.Corrupt, "the certificate is signed by another key, %s", sig.Key)
	}
	if !ed25519.Verify(sig.Key[:], statement, raw) {
		return nil, parlance.Errorf(parlance.Corrupt, "the signature is not of this statement: one of the two was changed")
	}
	var version struct {
		Version int `json:"parlance_certificate"`
	}
	if err := json.Unmarshal(statement, &version); err != nil {
		return nil, parlance.Wrap(parlance.Corrupt, err, "what is signed is no statement")
	}
	if version.Version != Version {
		return nil, parlance.Errorf(parlance.Invalid, "the statement is of version %d; this program knows version %d", version.Version, Version)
	}
	s := new(Statement)
	if err := json.Unmarshal(statement, s); err != nil {
		return nil, parlance.Wrap(parlance.Corrupt, err, "the statement can't be read")
	}
	if s.Key != sig.Key {
		return nil, parlance.Errorf(parlance.Corrupt, "the statement names the key %s, and %s signed it", s.Key, sig.Key)
	}
	return s, nil
}
