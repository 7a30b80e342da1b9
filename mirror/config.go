package mirror

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"time"

	"parlance"
	"parlance/internal/jsonrecord"
	"parlance/store"
)

// A Name names an upstream: 1 to 64 characters of a-z, 0-9, '-' and '_'.
type Name string

// A Config says what is mirrored, and how.
type Config struct {
	Name      Name                 `json:"name"`
	Workspace parlance.WorkspaceID `json:"workspace"`
	Platform  parlance.Dialect     `json:"platform"`
	// Conversations are the only ones to mirror; empty: all that the account sees.
	Conversations []parlance.ConversationID `json:"conversations,omitempty"`

	Settings

	Created parlance.Time `json:"created_ms"`
	// Account is the platform's id of the account that was mirrored first; empty if it doesn't tell. Another one is refused.
	Account string `json:"account,omitempty"`
	// Last is how the last run ended.
	Last *Last `json:"last,omitempty"`
	// Listed is when the platform's list of conversations was last read to its end.
	Listed parlance.Time `json:"listed_ms,omitempty"`
	// Rotation is within what time conversations that the list showed unchanged are looked at, as of the last run; 0: all are in each run.
	Rotation time.Duration `json:"rotation_ns,omitempty"`
	// Unreadable are the items of that list that couldn't be read, and what else was wrong with it.
	Unreadable []Gap `json:"unreadable,omitempty"`
	// Well is when the last run began that came through to its end and was of all conversations.
	Well parlance.Time `json:"well_ms,omitempty"`
	// Failed says since when no run has come through, and why; nil: the last one did.
	Failed *Failed `json:"failed,omitempty"`
	// NoRoom is why the last run that came to its end left files unfetched; empty: not for want of room.
	NoRoom string `json:"no_room,omitempty"`
}

// Settings are what can be changed of an upstream, see [Mirror.Change].
type Settings struct {
	URL string `json:"url"`
	// SecretFile is the path of the file with the credential; empty: it is in the environment. The credential itself is never kept here.
	SecretFile string `json:"secret_file,omitempty"`
	// Every is how often a server runs it; 0: only when told.
	Every time.Duration `json:"every_ns,omitempty"`
	// FullEvery is how long what was read is taken for what the platform has: a run reads a stream in full if the oldest of what is known of it
	// was read so long ago, see [RunOptions]. 0: only when told.
	FullEvery time.Duration `json:"full_every_ns,omitempty"`
	// Retention is for how long the platform keeps messages; 0: as its documentation says.
	Retention time.Duration `json:"retention_ns,omitempty"`
	// Rate is how many calls a second are made at most; 0: as the documentation advises.
	Rate float64 `json:"rate,omitempty"`
	// InsecureHTTP lets the credential go to another machine in the clear.
	InsecureHTTP bool `json:"insecure_http,omitempty"`
	// AllowPrivate lets attachments be fetched from addresses of private networks.
	AllowPrivate bool `json:"allow_private,omitempty"`
}

// Last says how a run ended.
type Last struct {
	Began parlance.Time `json:"began_ms"`
	Ended parlance.Time `json:"ended_ms"`
	State State         `json:"state"`
	Error string        `json:"error,omitempty"` // what stopped it before its end
	Login bool          `json:"login,omitempty"` // the credential is no good
	Loses parlance.Time `json:"loses_ms"`        // as of Status, then
}

// Failed says that runs fail. A run of some conversations only neither ends that nor proves the opposite.
type Failed struct {
	Since parlance.Time `json:"since_ms"` // when the last run that came through began; when the upstream was added, if none did
	Error string        `json:"error"`    // what stopped the last one
	Login bool          `json:"login,omitempty"`
}

// Next returns when a server runs it the next time; zero if it doesn't.
func (c *Config) Next() parlance.Time {
	switch {
	case c.Every <= 0:
		return 0
	case c.Last == nil:
		return c.Created
	}
	return c.Last.Ended + parlance.Time(c.Every.Milliseconds())
}

// A Secret is an upstream's credential: what the platform asks for. Its fields never go to logs or errors.
type Secret struct {
	ClientKey string `yaml:"client_key"` // IMKit
	Token     string `yaml:"token"`      // IMKit, SHOPLINE
	APIKey    string `yaml:"api_key"`    // IMKit, in the place of the two
	Email     string `yaml:"email"`      // iMetaStore
	Password  string `yaml:"password"`
}

// String keeps a secret out of what prints it by mistake.
func (Secret) String() string { return "(secret)" }

// GoString is like String.
func (Secret) GoString() string { return "(secret)" }

// upstreams is the collection of configs, by name.
const upstreams = "mirror"

// Add keeps a new upstream. Conflict if the name is taken.
func (m *Mirror) Add(ctx context.Context, c Config) error {
	if err := c.check(); err != nil {
		return err
	}
	c.Created = m.o.Now()
	err := jsonrecord.Swap(ctx, m.store, upstreams, string(c.Name), nil, c)
	if errors.Is(err, parlance.Conflict) {
		return parlance.Errorf(parlance.Conflict, "there is an upstream %q already", c.Name)
	}
	return err
}

func (c *Config) check() error {
	switch c.Platform {
	case parlance.IMKit, parlance.Shopline, parlance.IMetaStore:
	default:
		return parlance.Errorf(parlance.Invalid, "platform %q: want imkit, shopline or imetastore", c.Platform)
	}
	switch {
	case len(c.Name) == 0 || len(c.Name) > 64 || strings.Trim(string(c.Name), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
		return parlance.Errorf(parlance.Invalid, "name %q: want 1 to 64 characters of a-z, 0-9, '-' and '_'", c.Name)
	}
	if err := c.Settings.check(); err != nil {
		return err
	}
	for _, id := range c.Conversations {
		if err := parlance.CheckID("conversation", id); err != nil {
			return err
		}
	}
	return parlance.CheckWorkspace(c.Workspace)
}

// The rates that an upstream may have, in calls a second.
const (
	leastRate = 1e-4
	mostRate  = 1e6
)

func (s *Settings) check() error {
	if s.Every < 0 || s.FullEvery < 0 || s.Retention < 0 || !(s.Rate >= 0) { // neither below 0 nor no number
		return parlance.Errorf(parlance.Invalid, "a time between runs, a retention and a rate can't be below 0")
	}
	if s.Rate != 0 && s.Rate < leastRate || s.Rate > mostRate {
		return parlance.Errorf(parlance.Invalid, "a rate of %g calls a second: want one from %g to %g, or 0 for that of the documentation", s.Rate, float64(leastRate), float64(mostRate))
	}
	return nil
}

// Change changes an upstream's settings, and returns them. A run that is under way goes on with the old ones. What is known of the upstream
// stays, so a new address must lead to the same account: another one's is refused as ever.
func (m *Mirror) Change(ctx context.Context, n Name, change func(*Settings)) (s Settings, err error) {
	var invalid error
	err = m.update(ctx, n, func(c *Config) {
		s = c.Settings
		change(&s)
		if invalid = s.check(); invalid == nil {
			c.Settings = s
		}
	})
	return s, errors.Join(invalid, err)
}

// account names what a budget is for: an account, as far as configs tell.
func (c *Config) account() string {
	return string(c.Platform) + " " + strings.TrimRight(c.URL, "/") + " " + c.SecretFile
}

// Upstream returns the config of that name, NotFound if there is none.
func (m *Mirror) Upstream(ctx context.Context, n Name) (Config, error) {
	c, _, err := m.config(ctx, n)
	return c, err
}

func (m *Mirror) config(ctx context.Context, n Name) (c Config, raw []byte, err error) {
	c, raw, err = jsonrecord.Read[Config](ctx, m.store, upstreams, string(n))
	if err == nil && raw == nil {
		err = parlance.Errorf(parlance.NotFound, "there is no upstream %q", n)
	}
	return c, raw, err
}

// Upstreams returns all configs by name.
func (m *Mirror) Upstreams(ctx context.Context) iter.Seq2[Config, error] {
	return func(yield func(Config, error) bool) {
		for r, err := range m.store.Records(ctx, upstreams) {
			var c Config
			if err == nil {
				c, err = jsonrecord.Decode[Config](upstreams, r.Value)
			}
			if err != nil {
				err = fmt.Errorf("list upstreams: %w", err)
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// update changes a config that is there.
func (m *Mirror) update(ctx context.Context, n Name, change func(*Config)) error {
	for {
		c, old, err := m.config(ctx, n)
		if err != nil {
			return err
		}
		before := c
		change(&c)
		if reflect.DeepEqual(c, before) {
			return nil
		}
		err = jsonrecord.Swap(ctx, m.store, upstreams, string(n), old, c)
		if !errors.Is(err, parlance.Conflict) {
			return err
		}
	}
}

// Remove forgets an upstream and what is known of it. All messages stay.
func (m *Mirror) Remove(ctx context.Context, n Name) error {
	_, raw, err := m.config(ctx, n)
	if err != nil {
		return err
	}
	ctx, release, err := m.hold(ctx, n)
	if err != nil {
		return err
	}
	defer release()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.tallies, n)
	}()
	for collection := range collections(n) {
		for r, err := range m.store.Records(ctx, collection) {
			if err == nil {
				err = m.store.SwapRecord(ctx, collection, r.Key, r.Value, nil)
			}
			if err != nil {
				return fmt.Errorf("forget what is known of %s: %w", n, err)
			}
		}
	}
	return m.store.SwapRecord(ctx, upstreams, string(n), raw, nil)
}

// Collections returns what the mirrors of some stores keep in records, for who copies or compares them. With a workspace, only
// what is that workspace's. A collection may be named twice.
func Collections(ctx context.Context, ws parlance.WorkspaceID, ms ...*Mirror) iter.Seq2[store.Collection, error] {
	return func(yield func(store.Collection, error) bool) {
		for _, m := range ms {
			for c, err := range m.Upstreams(ctx) {
				if err != nil {
					yield(store.Collection{}, err)
					return
				}
				if ws != "" && c.Workspace != ws {
					continue
				}
				for name := range collections(c.Name) {
					if !yield(store.Collection{Name: name}, nil) {
						return
					}
				}
			}
		}
		yield(store.Collection{Name: upstreams, After: true, Owns: func(r store.Record) (bool, error) {
			c, err := jsonrecord.Decode[Config](upstreams, r.Value)
			return ws == "" || c.Workspace == ws, err
		}}, nil)
	}
}
