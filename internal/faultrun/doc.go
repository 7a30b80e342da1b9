// Package faultrun holds the fault run: a test that has several Parlance processes serve one
// Cassandra cluster while nodes and processes are killed, paused and wiped, and that holds what
// clients were told against what they can read.
//
//	go test ./internal/faultrun -run TestFaults -duration 10m -timeout 30m -seed 7 -v
//
// starts the nodes and the processes by itself; it needs Java 17 and, the first time, Maven.
package faultrun
