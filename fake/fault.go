package fake

import (
	"fmt"
	"slices"
	"strings"

	"parlance"
)

// A Fault is one way in which a platform misbehaves, or uses a freedom that its documentation leaves it.
type Fault string

// The faults. [Descriptions] says what each does.
const (
	Ties            Fault = "ties"
	TieFlood        Fault = "tie-flood"
	Limited         Fault = "429"
	LimitedBare     Fault = "429-bare"
	DeadToken       Fault = "dead-token"
	ErrorIn200      Fault = "error-in-200"
	HTML            Fault = "html"
	ServerError     Fault = "500"
	Cut             Fault = "cut"
	ShortPages      Fault = "short-pages"
	Clamp           Fault = "clamp"
	ClampSilent     Fault = "clamp-silent"
	Arrivals        Fault = "arrivals"
	Late            Fault = "late"
	LateDeep        Fault = "late-deep"
	Edits           Fault = "edits"
	Recalls         Fault = "recalls"
	Deletes         Fault = "deletes"
	ClockAhead      Fault = "clock-ahead"
	Gone            Fault = "gone"
	Seconds         Fault = "seconds"
	Millis          Fault = "millis"
	EndInclusive    Fault = "end-inclusive"
	StartExclusive  Fault = "start-exclusive"
	AnchorInclusive Fault = "anchor-inclusive"
	AnchorByTime    Fault = "anchor-by-time"
	OrderCreated    Fault = "order-created"
	OrderAsc        Fault = "order-asc"
	IgnoreAnchor    Fault = "ignore-anchor"
	BadItem         Fault = "bad-item"
	TotalWrong      Fault = "total-wrong"
	NullRefused     Fault = "null-refused"
	Attachment404   Fault = "attachment-404"
	AttachmentDead  Fault = "attachment-dead"
)

// A Manner says how a fault behaves over time.
type Manner string

// The manners.
const (
	Passing Manner = "passing" // hits single requests; the same request, asked again, gets through after two failures at most
	Change  Manner = "change"  // what the platform holds changes between requests
	Lasting Manner = "lasting" // holds from the first request to the last
)

// A Description says what a fault does.
type Description struct {
	Fault     Fault
	Platforms []parlance.Dialect // where it can be switched on
	Manner    Manner
	Text      string

	// Costs is what even a careful client can't prove, or can't find, while the fault is on. Empty: nothing.
	Costs string
}

// Platforms returns the platforms there are.
func Platforms() []parlance.Dialect { return slices.Clone(everywhere) }

var (
	everywhere     = []parlance.Dialect{parlance.IMKit, parlance.Shopline, parlance.IMetaStore}
	onIMKit        = []parlance.Dialect{parlance.IMKit}
	onShopline     = []parlance.Dialect{parlance.Shopline}
	onIMetaStore   = []parlance.Dialect{parlance.IMetaStore}
	withLimit      = []parlance.Dialect{parlance.IMKit, parlance.Shopline}
	withRecall     = []parlance.Dialect{parlance.IMKit, parlance.IMetaStore}
	withOuterBound = []parlance.Dialect{parlance.Shopline, parlance.IMetaStore}
)

var descriptions = []Description{
	{Ties, everywhere, Lasting, "groups of 2 to 5 messages, always smaller than a page, share a time; one lies across each edge of the server's own pages", ""},
	{
		TieFlood, everywhere, Lasting, "half as many messages again as a page holds share one time, in the largest conversation",
		"SHOPLINE pages by time alone: messages of that time are out of reach",
	},
	{Limited, everywhere, Passing, "429 with Retry-After: 1", ""},
	{LimitedBare, everywhere, Passing, "429 that doesn't say how long to wait", ""},
	{
		DeadToken, everywhere, Lasting, "the token dies in mid-run. iMetaStore: three times, and a login gives a new one. Elsewhere: once, and another secret takes its place", "",
	},
	{ErrorIn200, everywhere, Passing, "an error in an answer of status 200", ""},
	{HTML, everywhere, Passing, "a page of HTML instead of JSON, of status 200 or 502", ""},
	{ServerError, everywhere, Passing, "500 or 503", ""},
	{Cut, everywhere, Passing, "the connection ends in mid-body", ""},
	{ShortPages, everywhere, Lasting, "pages hold fewer messages than asked for, between half and all of them, although there are more", ""},
	{Clamp, onShopline, Lasting, "a page holds 6 to 10 messages, whatever was asked for; limit in the answer says so", ""},
	{ClampSilent, withLimit, Lasting, "a page holds 6 to 10 messages, and the answer doesn't say so", ""},
	{Arrivals, everywhere, Change, "new messages arrive", ""},
	{Late, everywhere, Change, "messages appear with a time up to 4 minutes before the newest one", ""},
	{
		LateDeep, everywhere, Change, "messages appear anywhere in the past",
		"only a walk of the whole conversation finds them",
	},
	{
		Edits, everywhere, Change, "messages get another text, on IMKit reactions too",
		"on SHOPLINE and iMetaStore only reading the place again shows it: their times don't change",
	},
	{
		Recalls, withRecall, Change, "messages are recalled: they stay, without content",
		"on iMetaStore only reading the place again shows it",
	},
	{
		Deletes, everywhere, Change, "messages vanish, one in twenty at most; an anchor that vanished is refused by IMKit",
		"only a walk of the whole conversation shows it; what vanished before it was read is not known to anybody",
	},
	{ClockAhead, everywhere, Lasting, "the newest message of the largest conversation is dated ten years ahead", ""},
	{
		Gone, withLimit, Change, "the smallest conversation answers 404 from the third read of its messages on; lists still show it",
		"what wasn't read of it before",
	},
	{
		Seconds, withRecall, Lasting, "IMKit: every time in MS fields is in seconds. iMetaStore: lastMsgTime is in seconds",
		"on IMKit, when anything happened",
	},
	{Millis, onIMetaStore, Lasting, "beside a lastMsgKey, maxTime is taken for milliseconds, as lastMsgTime is; seconds get an empty page that says complete", ""},
	{EndInclusive, onShopline, Lasting, "end is inclusive", ""},
	{StartExclusive, withOuterBound, Lasting, "start, minTime are exclusive", ""},
	{AnchorInclusive, onIMKit, Lasting, "the page of beforeMessage begins with that message", ""},
	{
		AnchorByTime, onIMKit, Lasting, "beforeMessage is compared by its time alone",
		"with ties, what shares the anchor's time and wasn't on its page is out of reach, as far as no other anchor leads there",
	},
	{OrderCreated, onIMKit, Lasting, "pages go by createdAtMS, although asked for nothing", ""},
	{OrderAsc, everywhere, Lasting, "the messages of a page are in reverse order", ""},
	{
		IgnoreAnchor, everywhere, Lasting, "beforeMessage, end, lastMsgKey are ignored",
		"on IMKit and SHOPLINE all that is older than the first page",
	},
	{BadItem, everywhere, Lasting, "a message of the largest conversation is nonsense", "that message"},
	{TotalWrong, everywhere, Lasting, "totalCount, total, msgCnt are off by a few, the same all the time", ""},
	{NullRefused, onIMetaStore, Lasting, "a buyerId of null, or none, is refused", "nothing, if the buyers are known from elsewhere"},
	{Attachment404, everywhere, Lasting, "every second file, beginning with the first, is not there", "those files"},
	{AttachmentDead, everywhere, Change, "from one request on, the 20th to 60th of all, every link to a file answers 403", "files that weren't read before"},
}

// Descriptions returns every fault, in the order in which people should read of them.
func Descriptions() []Description {
	all := slices.Clone(descriptions)
	for i := range all {
		all[i].Platforms = slices.Clone(all[i].Platforms)
	}
	return all
}

// FaultsOf returns the faults that can be switched on for a platform.
func FaultsOf(platform parlance.Dialect) Faults {
	var f Faults
	for _, d := range descriptions {
		if slices.Contains(d.Platforms, platform) {
			f = append(f, d.Fault)
		}
	}
	return f
}

// Faults are those that are switched on. The zero value is none.
type Faults []Fault

// Has reports whether any of faults is in f.
func (f Faults) Has(faults ...Fault) bool {
	return slices.ContainsFunc(faults, func(x Fault) bool { return slices.Contains(f, x) })
}

// String returns f as [ParseFaults] reads it.
func (f Faults) String() string {
	names := make([]string, len(f))
	for i, x := range f {
		names[i] = string(x)
	}
	return strings.Join(names, ",")
}

// ParseFaults reads names with commas between them: "ties,429". Spaces are left out, and an empty text is none.
func ParseFaults(s string) (Faults, error) {
	var f Faults
	for name := range strings.SplitSeq(s, ",") {
		x := Fault(strings.TrimSpace(name))
		if x == "" || f.Has(x) {
			continue
		}
		if !slices.ContainsFunc(descriptions, func(d Description) bool { return d.Fault == x }) {
			return nil, parlance.Errorf(parlance.Invalid, "there is no fault %q", x)
		}
		f = append(f, x)
	}
	return f, nil
}

// check reports why f can't be switched on for a platform.
func (f Faults) check(platform parlance.Dialect) error {
	has := FaultsOf(platform)
	for _, x := range f {
		if !has.Has(x) {
			return parlance.Errorf(parlance.Invalid, "%s has no fault %q; it has %s", platform, x, has)
		}
	}
	if f.Has(Seconds) && f.Has(Millis) {
		return fmt.Errorf("%w: the faults %s and %s contradict each other", parlance.Invalid, Seconds, Millis)
	}
	return nil
}
