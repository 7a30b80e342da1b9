package pebblestore

import (
	"testing"

	"parlance/store/driver"
	"parlance/store/driver/drivertest"
)

func TestSuite(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) driver.Engine {
		e, err := OpenMemory()
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}

func TestSuiteOnDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("the disk's syncs take a while")
	}
	drivertest.Run(t, func(t *testing.T) driver.Engine {
		e, err := Open(t.TempDir(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}
