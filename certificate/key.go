package certificate

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"parlance"
	"parlance/internal/durable"
)

// A Key signs certificates. Nothing prints it.
type Key struct{ private ed25519.PrivateKey }

// Public returns the key that others check with.
func (k *Key) Public() PublicKey { return PublicKey(k.private.Public().(ed25519.PublicKey)) }

// String, GoString and LogValue keep the key out of what prints it by mistake.
func (*Key) String() string { return "(signing key)" }

// GoString is like String.
func (*Key) GoString() string { return "(signing key)" }

// LogValue is like String.
func (*Key) LogValue() slog.Value { return slog.StringValue("(signing key)") }

// PEM returns the public key as other tools read it: SubjectPublicKeyInfo in PEM.
func (k PublicKey) PEM() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(k[:]))
	if err != nil {
		return nil, fmt.Errorf("encode the public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// OpenKey reads the key in a file, PKCS #8 in PEM, and makes both if there is no such file. Of several processes that make it at
// once one wins, and all get its key; a crash leaves a whole key or none. Forbidden if others on this machine can
// read or write the file, Corrupt if it holds no Ed25519 key. Errors show nothing of the file.
func OpenKey(path string) (*Key, error) {
	k, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := makeKey(path); err != nil {
		return nil, fmt.Errorf("make the signing key %s: %w", path, err)
	}
	return readKey(path)
}

func readKey(path string) (*Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the signing key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at the signing key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, parlance.Errorf(parlance.Forbidden,
			"the signing key %s is open to others on this machine: if nobody took it, shut them out with: chmod 600 %s", path, path)
	}
	b := make([]byte, 4<<10)
	n, err := f.Read(b)
	if err != nil {
		return nil, fmt.Errorf("read the signing key %s: %w", path, err)
	}
	block, _ := pem.Decode(b[:n])
	if block == nil {
		return nil, parlance.Errorf(parlance.Corrupt, "%s holds no key in PEM", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := key.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, parlance.Errorf(parlance.Corrupt, "%s holds no Ed25519 key in PKCS #8", path)
	}
	return &Key{private}, nil
}

// makeKey makes a key under another name and gives it the name that it should have, unless there is one by then.
func makeKey(path string) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".certificate-*.key") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	err = pem.Encode(tmp, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return durable.SyncFolder(dir)
}
