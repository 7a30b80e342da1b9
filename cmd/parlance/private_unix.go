//go:build unix

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"syscall"

	"parlance"
)

// keepPrivate makes all that this process creates its owner's alone.
func keepPrivate() { syscall.Umask(0o077) }

// shutOthersOut takes a store's folder away from everybody but its owner. One of somebody else that others can enter is refused.
func shutOthersOut(dir string, log *slog.Logger) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the store's folder: %w", err)
	}
	mode := info.Mode().Perm()
	if mode&0o077 == 0 {
		return nil
	}
	err = os.Chmod(dir, mode&^0o077)
	switch {
	case err == nil:
		log.Warn("others could enter the store's folder; now only its owner can", "folder", dir, "mode", fmt.Sprintf("%04o", mode))
		return nil
	case errors.Is(err, syscall.EROFS):
		log.Warn("others can enter the store's folder, and on this medium that can't be changed", "folder", dir, "mode", fmt.Sprintf("%04o", mode))
		return nil
	case errors.Is(err, fs.ErrPermission):
		return parlance.Errorf(parlance.Invalid, "the store's folder %s is another user's, and others can enter it (%04o): "+
			"its owner has to shut them out with chmod go-rwx, or name a folder inside of it", dir, mode)
	}
	return fmt.Errorf("shut others out of the store's folder: %w", err)
}
