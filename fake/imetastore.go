package fake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"parlance"
)

func (u *Upstream) imetastoreEndpoint(c *call) (endpoint, bool) {
	path := strings.TrimRight(c.URL.Path, "/")
	for _, base := range []string{"/api/merchant-api", "/merchant-api"} {
		path = strings.TrimPrefix(path, base)
	}
	switch {
	case path == "/seller/auth/login" && c.Method == http.MethodPost:
		return endpoint{name: "POST /seller/auth/login", open: true, answer: u.imetastoreLogin}, true
	case path == "/seller/im/msg" && c.Method == http.MethodPost:
		return endpoint{name: "POST /seller/im/msg", answer: u.imetastoreMessages}, true
	case strings.HasPrefix(path, "/im-files/") && c.Method != http.MethodPost:
		c.rest, _, _ = strings.Cut(strings.TrimPrefix(path, "/im-files/"), "/")
		return endpoint{name: "GET /im-files/{id}", open: true, answer: u.serveFile}, true
	}
	return endpoint{}, false
}

type imetastoreEnvelope struct {
	Code string `json:"code"`
	Msg  string `json:"msg"`
	Time string `json:"time"`
	Data any    `json:"data"`
}

func (u *Upstream) imetastoreOK(data any) answer {
	return reply(http.StatusOK, imetastoreEnvelope{Code: "0000", Msg: "Success", Time: u.now().String(), Data: data})
}

func (u *Upstream) imetastoreError(status int, code, text string) answer {
	if code == "" {
		code = "10004"
	}
	return reply(status, imetastoreEnvelope{Code: code, Msg: text, Time: u.now().String()})
}

func (u *Upstream) imetastoreLogin(c *call) answer {
	var in struct{ Email, Password string }
	if err := json.Unmarshal(c.body, &in); err != nil {
		return u.imetastoreError(http.StatusBadRequest, "10002", "Request body is not valid JSON.")
	}
	if in.Email != email || in.Password != password {
		return u.imetastoreError(http.StatusUnauthorized, "401", "wrong email or password")
	}
	return u.imetastoreOK(map[string]any{"accessToken": u.token(), "tokenType": "Bearer", "expiresIn": 7200, "refreshToken": u.token() + ".refresh"})
}

type imetastoreQuery struct {
	BuyerID    json.RawMessage `json:"buyerId"`
	MinTime    *json.Number    `json:"minTime"`
	MaxTime    *json.Number    `json:"maxTime"`
	LastMsgKey string          `json:"lastMsgKey"`
}

// milliseconds is from where on a time is taken for milliseconds.
const milliseconds = 100_000_000_000

func (u *Upstream) imetastoreMessages(c *call) answer {
	var q imetastoreQuery
	if err := json.Unmarshal(c.body, &q); err != nil || q.MinTime == nil || q.MaxTime == nil {
		return u.imetastoreError(http.StatusBadRequest, "10002", "Request body is not valid JSON, or minTime or maxTime is missing.")
	}
	least, err1 := q.MinTime.Int64()
	most, err2 := q.MaxTime.Int64()
	if err1 != nil || err2 != nil {
		return u.imetastoreError(http.StatusBadRequest, "10002", "minTime and maxTime are whole numbers.")
	}
	if least >= milliseconds {
		least /= 1000
	}
	if most >= milliseconds || q.LastMsgKey != "" && u.faults.Has(Millis) {
		most /= 1000
	}
	candidates := u.world.all()
	buyer := string(bytes.Trim(q.BuyerID, `"`))
	all := buyer == "" || buyer == "null"
	switch {
	case all && u.faults.Has(NullRefused):
		return u.imetastoreError(http.StatusBadRequest, "10002", "buyerId must not be null.")
	case !all:
		if _, err := strconv.ParseInt(buyer, 10, 64); err != nil {
			return u.imetastoreError(http.StatusBadRequest, "10002", "buyerId is a whole number.")
		}
		candidates = nil
		if x := u.world.find(buyer); x != nil {
			candidates = x.ordered(parlance.ByCreated)
		}
	}
	key, keyed := readKey(q.LastMsgKey)
	keyed = keyed && !u.faults.Has(IgnoreAnchor)
	candidates = filter(candidates, func(m *message) bool {
		s := m.created.Seconds()
		return (s > least || s == least && !u.faults.Has(StartExclusive)) && s <= most && (!keyed || key.above(m))
	})
	n := u.shorten(len(candidates), u.page)
	page := slices.Clone(candidates[len(candidates)-n:])
	data := imetastorePage{Complete: 1, MsgCnt: n}
	if n < len(candidates) {
		data.Complete = 0
	}
	if n > 0 {
		data.MsgCnt = u.off(n)
		data.LastMsgTime, data.LastMsgKey = int64(page[0].created), keyOf(page[0], all)
		if u.faults.Has(Seconds) {
			data.LastMsgTime = page[0].created.Seconds()
		}
	}
	if u.faults.Has(OrderAsc) {
		slices.Reverse(page)
	}
	items, raw := u.items(page)
	data.MsgList = raw
	a := u.imetastoreOK(data)
	a.items = items
	return a
}

type imetastorePage struct {
	MsgCnt      int       `json:"msgCnt"`
	Complete    int       `json:"complete"`
	LastMsgTime int64     `json:"lastMsgTime"`
	LastMsgKey  string    `json:"lastMsgKey"`
	MsgList     []rawJSON `json:"msgList"`
}

// A key is a place among iMetaStore's messages.
type key struct {
	seq, nonce uint32
	second     int64
	from, to   string // empty if a buyer was named
}

// keyOf returns m's key as text: seq_random_second, and the accounts if the page is of all buyers.
func keyOf(m *message, all bool) string {
	k := fmt.Sprintf("%d_%d_%d", m.seq, m.nonce, m.created.Seconds())
	if all {
		from, to := m.accounts()
		k += "|" + from + "|" + to
	}
	return k
}

func readKey(s string) (k key, ok bool) {
	place, accounts, _ := strings.Cut(s, "|")
	k.from, k.to, _ = strings.Cut(accounts, "|")
	_, err := fmt.Sscanf(place, "%d_%d_%d", &k.seq, &k.nonce, &k.second)
	return k, err == nil
}

// above reports whether m is strictly older than k's message.
func (k key) above(m *message) bool {
	from, to := m.accounts()
	if k.from == "" {
		from, to = "", ""
	}
	return slices.Compare([]int64{m.created.Seconds(), int64(m.seq), int64(m.nonce)}, []int64{k.second, int64(k.seq), int64(k.nonce)}) < 0 ||
		m.created.Seconds() == k.second && m.seq == k.seq && m.nonce == k.nonce && (from < k.from || from == k.from && to < k.to)
}

type imetastoreMessage struct {
	FromAccount  string              `json:"fromAccount"`
	ToAccount    string              `json:"toAccount"`
	MsgTimestamp int64               `json:"msgTimestamp"`
	MsgDateTime  string              `json:"msgDateTime"`
	MsgSeq       uint32              `json:"msgSeq"`
	MsgRandom    uint32              `json:"msgRandom"`
	MsgBody      []imetastoreElement `json:"msgBody"`
}

type imetastoreElement struct {
	MsgType    string `json:"msgType"`
	MsgContent string `json:"msgContent"`
}

func (u *Upstream) imetastoreItem(m *message) []byte {
	from, to := m.accounts()
	switch m.bad {
	case 1:
		return encode(map[string]any{"fromAccount": from, "toAccount": to, "msgTimestamp": "yesterday", "msgSeq": -1, "msgRandom": 1.5, "msgBody": 7})
	case 2:
		return []byte(`"nonsense"`)
	case 3:
		return []byte(`{"msgBody":[{"msgType":"TIMTextElem","msgContent":"{\"text\":\"nobody knows this one\"}"}]}`)
	}
	return u.escaped(m, encode(imetastoreMessage{
		FromAccount: from, ToAccount: to, MsgTimestamp: m.created.Seconds(), MsgDateTime: m.created.Std().Format("2006-01-02 15:04:05"),
		MsgSeq: m.seq, MsgRandom: m.nonce, MsgBody: u.imetastoreBody(m),
	}))
}

func (u *Upstream) imetastoreBody(m *message) []imetastoreElement {
	element := func(typ string, content any) imetastoreElement {
		return imetastoreElement{typ, string(encode(content))}
	}
	if m.recalled {
		return []imetastoreElement{element("TIMCustomElem", map[string]string{"data": "", "desc": "", "ext": "", "sound": ""})}
	}
	text := element("TIMTextElem", map[string]string{"text": m.text})
	var body []imetastoreElement
	switch m.typ {
	case parlance.TypeImage:
		url := u.base + "/im-files/" + m.file.id
		var versions []map[string]any
		for i, name := range []string{"0", "720", "198"} {
			versions = append(versions, map[string]any{"type": i + 1, "size": len(m.file.body), "width": side, "height": side, "url": url + "/" + name})
		}
		body = append(body, element("TIMImageElem", map[string]any{"uuid": m.file.id, "imageFormat": 3, "imageInfoArray": versions}))
		if m.text != "" {
			body = append(body, text)
		}
	case parlance.TypeFile:
		body = append(body, element("TIMFileElem", map[string]any{
			"url": u.fileURL(m), "uUID": m.file.id, "fileSize": len(m.file.body), "fileName": m.file.name, "download_Flag": 2,
		}))
	case parlance.TypeLocation:
		body = append(body, element("TIMLocationElem", map[string]any{"desc": m.text, "latitude": 29.34, "longitude": 116.77}))
	case parlance.TypeSticker:
		body = append(body, element("TIMFaceElem", map[string]any{"index": 1, "data": "smile"}))
	case parlance.TypeCustom:
		body = append(body, element("TIMCustomElem", map[string]string{"data": `{"kind":"order_card","order":1907369850568257537}`, "desc": m.text}))
	default:
		body = append(body, text)
	}
	return body
}
