package main

import (
	"time"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/access"
)

// readOptions are the flags that bound a read token.
type readOptions struct {
	conversations, kinds []string
	after, before, zone  string
	private, history     bool
}

// readFlags are the names of the flags that are for read tokens alone.
var readFlags = [...]string{"conversations", "kinds", "after", "before", "zone", "private", "history"}

func (o *readOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.conversations, "conversations", nil, "id of a conversation that a read-token reads, once for each; all if none is given")
	f.StringSliceVar(&o.kinds, "kinds", nil, "kinds of conversations that a read-token reads, such as room,shop; all if none is given")
	f.StringVar(&o.after, "after", "", "day such as 2026-10-31: a read-token reads what was created after it ended")
	f.StringVar(&o.before, "before", "", "day such as 2026-12-01: a read-token reads what was created before it began")
	f.StringVar(&o.zone, "zone", "UTC", "time zone of those days, such as Asia/Taipei")
	f.BoolVar(&o.private, "private", false, "a read-token reads staff notes too")
	f.BoolVar(&o.history, "history", false, "a read-token reads earlier versions too, and what was deleted or recalled")
}

// reading returns what the flags say; nil if the credential is of another kind, which may have none of them.
func (o *readOptions) reading(cmd *cobra.Command, kind access.Kind) (*access.Reading, error) {
	if kind != access.ReadToken {
		for _, name := range readFlags {
			if cmd.Flags().Changed(name) {
				return nil, usage("--%s is for --kind %s", name, access.ReadToken)
			}
		}
		return nil, nil
	}
	zone, err := zoneOf(o.zone)
	if err != nil {
		return nil, err
	}
	r := &access.Reading{Private: o.private, History: o.history}
	for _, id := range o.conversations {
		r.Conversations = append(r.Conversations, parlance.ConversationID(id))
	}
	for _, kind := range o.kinds {
		r.Kinds = append(r.Kinds, parlance.Kind(kind))
	}
	if r.From, err = dayOf("after", o.after, zone, 1); err != nil {
		return nil, err
	}
	if r.To, err = dayOf("before", o.before, zone, 0); err != nil {
		return nil, err
	}
	return r, nil
}

// dayOf returns when the day began that is so many days after the one that a flag names; zero if it names none.
func dayOf(flag, text string, zone *time.Location, days int) (parlance.Time, error) {
	if text == "" {
		return 0, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil || day.Year() < 1971 {
		return 0, usage("--%s %q: want a day since 1971, such as 2026-10-31", flag, text)
	}
	return parlance.Time(day.AddDate(0, 0, days).UnixMilli()), nil
}
