package cassandrastore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"parlance"
	"parlance/store/driver"
)

// tableFormat is the version of the tables, which the row of parlance_format has. It says
// nothing of what the rows hold; that is the store's own format.
const tableFormat = 1

// formatTable is the first table to be made and holds a row once all are: a keyspace that has
// other tables and not this one is somebody else's.
const formatTable = "parlance_format"

// tables are the statements about the tables of a keyspace.
type tables struct {
	claimed, derived                                   string // names
	put, remove                                        string
	claimInsert, claimUpdate, claimDelete, claimAbsent string
}

func tablesOf(keyspace string) tables {
	claimed, derived := keyspace+".claimed", keyspace+".derived"
	const row = " WHERE partition = ? AND key = ?"
	return tables{
		claimed:     claimed,
		derived:     derived,
		put:         "INSERT INTO " + derived + " (partition, key, value) VALUES (?, ?, ?) USING TIMESTAMP ?",
		remove:      "DELETE FROM " + derived + " USING TIMESTAMP ?" + row,
		claimInsert: "INSERT INTO " + claimed + " (partition, key, value) VALUES (?, ?, ?) IF NOT EXISTS",
		claimUpdate: "UPDATE " + claimed + " SET value = ?" + row + " IF value = ?",
		claimDelete: "DELETE FROM " + claimed + row + " IF value = ?",
		claimAbsent: "DELETE FROM " + claimed + row + " IF value = null",
	}
}

func (t *tables) name(table driver.Table) (string, error) {
	switch table {
	case driver.Claimed:
		return t.claimed, nil
	case driver.Derived:
		return t.derived, nil
	}
	return "", parlance.Errorf(parlance.Invalid, "read rows: there is no table %d", table)
}

// A maker makes the keyspace and the tables that are missing.
type maker struct {
	session     *gocql.Session
	config      Config
	dc, release string
}

// run is done again when it met another process that was at it: schemas spread slowly.
func (m *maker) run(ctx context.Context) error {
	for try := 0; ; try++ {
		err := m.make(ctx)
		var answer gocql.RequestError
		if err == nil || !errors.As(err, &answer) || errors.Is(err, parlance.Invalid) || try == 4 {
			return err
		}
		switch answer.Code() {
		case gocql.ErrCodeSyntax, gocql.ErrCodeUnauthorized, gocql.ErrCodeCredentials:
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (m *maker) make(ctx context.Context) error {
	there, err := m.names(ctx, "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?", "")
	if err != nil {
		return err
	}
	if len(there) == 0 {
		if err := m.define(ctx, fmt.Sprintf("CREATE KEYSPACE IF NOT EXISTS %s WITH replication = {'class': 'NetworkTopologyStrategy', '%s': %d}",
			m.config.Keyspace, strings.ReplaceAll(m.dc, "'", "''"), m.config.Replication)); err != nil {
			return err
		}
	}
	there, err = m.names(ctx, selectTables, "")
	if err != nil {
		return err
	}
	if len(there) > 0 && !there[formatTable] {
		return parlance.Errorf(parlance.Invalid, "the keyspace holds other tables and no store; nothing was changed: name another keyspace")
	}
	if there[formatTable] {
		version, err := m.format(ctx)
		if err != nil {
			return err
		}
		if version > tableFormat {
			return parlance.Errorf(parlance.Invalid, "the tables are of format %d, this program knows formats up to %d: use a newer parlance; nothing was changed",
				version, tableFormat)
		}
		if version > 0 {
			return nil
		}
	}
	return m.makeTables(ctx, there)
}

func (m *maker) makeTables(ctx context.Context, there map[string]bool) error {
	const rows = " (partition blob, key blob, value blob, PRIMARY KEY (partition, key))"
	for _, t := range []struct{ name, definition string }{
		{formatTable, " (name text PRIMARY KEY, version int)"},
		{"claimed", rows + " WITH compaction = " + m.compaction() + " AND compression = {'class': 'ZstdCompressor', 'chunk_length_in_kb': 16}"},
		{"derived", rows + " WITH compaction = " + m.compaction() + " AND compression = {'class': 'LZ4Compressor', 'chunk_length_in_kb': 16}"},
	} {
		if there[t.name] {
			continue
		}
		if err := m.define(ctx, "CREATE TABLE IF NOT EXISTS "+m.config.Keyspace+"."+t.name+t.definition); err != nil {
			return err
		}
	}
	if err := m.spread(ctx); err != nil {
		return err
	}
	insert := m.session.Query("INSERT INTO "+m.config.Keyspace+"."+formatTable+" (name, version) VALUES ('tables', ?) IF NOT EXISTS", tableFormat)
	if _, err := insert.SerialConsistency(gocql.LocalSerial).MapScanCASContext(ctx, map[string]any{}); err != nil {
		return failure(ctx, err, "write the tables' format")
	}
	return nil
}

// spread waits until every node that answers knows all tables: others, who will find the
// format row and ask no further, would be refused by one that doesn't. A node that is down hears of
// them before it serves anybody.
func (m *maker) spread(ctx context.Context) error {
	end := time.Now().Add(m.config.Timeout)
	for _, h := range m.session.GetHosts() {
		for h.IsUp() {
			known, err := m.names(ctx, selectTables, h.HostID())
			if ctx.Err() != nil {
				return err
			}
			if err != nil || known[formatTable] && known["claimed"] && known["derived"] {
				break
			}
			if time.Now().After(end) {
				return parlance.Errorf(parlance.Unavailable, "node %s hasn't heard of the new tables yet", h.ConnectAddress())
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return nil
}

// compaction returns how files are merged. Cassandra knows its own unified way since version
// 5; others merge by levels, which reads few files too.
func (m *maker) compaction() string {
	major, _, _ := strings.Cut(m.release, ".")
	if n, err := strconv.Atoi(major); err == nil && n >= 5 {
		return "{'class': 'UnifiedCompactionStrategy', 'scaling_parameters': 'T4'}"
	}
	return "{'class': 'LeveledCompactionStrategy'}"
}

const selectTables = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?"

// names returns the set of names that a query about the keyspace finds at one host, or any if that is "".
func (m *maker) names(ctx context.Context, query, host string) (map[string]bool, error) {
	q := m.session.Query(query, m.config.Keyspace).Consistency(gocql.One)
	if host != "" {
		q = q.SetHostID(host)
	}
	it := q.IterContext(ctx)
	names, name := map[string]bool{}, ""
	for it.Scan(&name) {
		names[name] = true
	}
	return names, failure(ctx, it.Close(), "ask for the keyspace's tables")
}

// format returns the version of the tables, 0 if they aren't complete.
func (m *maker) format(ctx context.Context) (version int, err error) {
	q := m.session.Query("SELECT version FROM " + m.config.Keyspace + "." + formatTable + " WHERE name = 'tables'")
	err = q.Consistency(gocql.LocalSerial).ScanContext(ctx, &version)
	if errors.Is(err, gocql.ErrNotFound) {
		return 0, nil
	}
	return version, failure(ctx, err, "read the tables' format")
}

// define runs a statement that changes the schema. Two nodes that make the same table at
// once make two tables, of which one is lost. So all processes ask the same node: the
// one with the lowest id of those that are up.
func (m *maker) define(ctx context.Context, text string) error {
	q := m.session.Query(text)
	lowest := ""
	for _, h := range m.session.GetHosts() {
		if h.IsUp() && (lowest == "" || h.HostID() < lowest) {
			lowest = h.HostID()
		}
	}
	if lowest != "" {
		q = q.SetHostID(lowest)
	}
	return failure(ctx, q.ExecContext(ctx), "make the keyspace's tables")
}
