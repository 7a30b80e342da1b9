package faultrun

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// How a request can end besides well. Only errRefused says that nothing came of it.
var (
	errRefused     = errors.New("nobody listens")
	errNoAnswer    = errors.New("no answer")
	errUnavailable = errors.New("unavailable")
	errWrong       = errors.New("wrong answer")
)

// answerTime bounds an answer; servers end theirs after a minute.
const answerTime = 75 * time.Second

// A dialect is how one of the three APIs is asked, and how it says that the store is away.
type dialect struct {
	name        string
	headers     map[string]string
	unavailable func(status int, h http.Header, body []byte) bool
}

// ask makes a request and decodes the answer into result, unless that is nil. An empty body makes it a GET.
func (d *dialect) ask(ctx context.Context, p *process, path string, body, result any) error {
	method, sent := http.MethodGet, []byte(nil)
	if body != nil {
		method = http.MethodPost
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, p.url.Load().(string)+path, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range d.headers {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	var dial *net.OpError
	switch {
	case errors.As(err, &dial) && dial.Op == "dial":
		return errRefused
	case err != nil:
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	case resp.StatusCode == http.StatusOK && result == nil:
		return nil
	case resp.StatusCode == http.StatusOK:
		if err := json.Unmarshal(b, result); err != nil {
			return fmt.Errorf("%w: %s: %w", errWrong, b[:min(len(b), 200)], err)
		}
		return nil
	case d.unavailable(resp.StatusCode, resp.Header, b):
		return errUnavailable
	}
	return fmt.Errorf("%w: %s %s %s: status %d: %s", errWrong, d.name, method, path, resp.StatusCode, b[:min(len(b), 500)])
}

func imkitDialect(apiKey string) dialect {
	return dialect{
		"IMKit",
		map[string]string{"IM-API-KEY": apiKey},
		func(status int, _ http.Header, body []byte) bool {
			var e struct {
				RC    int
				Error struct{ Code string }
			}
			return status == 503 && json.Unmarshal(body, &e) == nil && e.RC == 503 && e.Error.Code == "UNAVAILABLE"
		},
	}
}

func shoplineDialect(token string) dialect {
	return dialect{
		"SHOPLINE",
		map[string]string{"Authorization": "Bearer " + token},
		func(status int, h http.Header, body []byte) bool {
			var e struct{ Code string }
			return status == 503 && h.Get("Retry-After") != "" && json.Unmarshal(body, &e) == nil && e.Code == "ServiceUnavailable"
		},
	}
}

func imetastoreDialect() dialect {
	return dialect{
		"iMetaStore",
		map[string]string{},
		func(status int, h http.Header, body []byte) bool {
			var e struct{ Code string }
			return status == 503 && h.Get("Retry-After") != "" && json.Unmarshal(body, &e) == nil && e.Code == "10004"
		},
	}
}

// sendIMKit writes a message to a room, or a new version of the message id.
func (w *world) sendIMKit(ctx context.Context, p *process, room, id, text string) (string, error) {
	body := map[string]string{"message": text, "sender": "ann"}
	if id != "" {
		body["_id"] = id
	}
	var answer struct {
		RC     int
		Result struct {
			ID      string `json:"_id"`
			Message string
		}
	}
	err := w.imkit.ask(ctx, p, "/rooms/"+url.PathEscape(room)+"/message", body, &answer)
	if err == nil && (answer.RC != 0 || answer.Result.ID == "" || answer.Result.Message != text) {
		err = fmt.Errorf("%w: IMKit answers %q with %+v", errWrong, text, answer)
	}
	return answer.Result.ID, err
}

// sendShopline writes a message between the customer and the shop.
func (w *world) sendShopline(ctx context.Context, p *process, text string, byMerchant bool) (string, error) {
	body := map[string]string{"sender_id": customer, "recipient_id": w.merchant, "text": text}
	if byMerchant {
		body["sender_id"], body["recipient_id"] = w.merchant, customer
	}
	var answer struct {
		ID      string
		Message struct{ Content struct{ Text string } }
	}
	err := w.shopline.ask(ctx, p, "/v1/conversations/message", body, &answer)
	if err == nil && (answer.ID == "" || answer.Message.Content.Text != text) {
		err = fmt.Errorf("%w: SHOPLINE answers %q with %+v", errWrong, text, answer)
	}
	return answer.ID, err
}

// sendIMetaStore writes a message to the customer; the answer doesn't tell its id.
func (w *world) sendIMetaStore(ctx context.Context, p *process, text string, random uint32) error {
	content, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		return err
	}
	return w.imetastore.ask(ctx, p, "/merchant-api/seller/im/send-msg", map[string]any{
		"buyerId": json.Number(customer), "msgRandom": random,
		"msgBody": map[string]string{"msgType": "TIMTextElem", "msgContent": string(content)},
	}, nil)
}

// walkIMKit reads a room from its newest message to its oldest.
func (w *world) walkIMKit(ctx context.Context, p *process, room string) (all walk, err error) {
	for before, first := "", true; ; first = false {
		q := url.Values{"limit": {"500"}, "timeRangeField": {"createdAt"}}
		if before != "" {
			q.Set("beforeMessage", before)
		}
		var page struct {
			Result struct {
				TotalCount int
				Data       []struct {
					ID        string `json:"_id"`
					Message   string
					CreatedAt int64 `json:"createdAtMS"`
				}
			}
		}
		if err := w.imkit.ask(ctx, p, "/rooms/"+url.PathEscape(room)+"/messages/v3?"+q.Encode(), nil, &page); err != nil {
			return all, err
		}
		if first {
			all.total = page.Result.TotalCount
		}
		for _, m := range page.Result.Data {
			all.rows = append(all.rows, row{m.ID, m.Message, m.CreatedAt})
		}
		if len(page.Result.Data) < 500 {
			return all, nil
		}
		before = page.Result.Data[len(page.Result.Data)-1].ID
	}
}

// walkShopline reads the chat by times alone. Each page's total must be what the walk still finds.
func (w *world) walkShopline(ctx context.Context, p *process) (all walk, err error) {
	type page struct {
		Total int
		Items []struct {
			ID      string
			Message struct {
				CreatedAt time.Time `json:"created_at"`
				Content   struct{ Text string }
			}
		}
	}
	for end := ""; ; {
		q := url.Values{"platform": {"shop_messages"}, "limit": {"250"}}
		if end != "" {
			q.Set("end", end)
		}
		var p1 page
		if err := w.shopline.ask(ctx, p, "/v1/conversations/"+url.PathEscape(w.chat)+"/messages?"+q.Encode(), nil, &p1); err != nil {
			return all, err
		}
		if end == "" {
			all.total = p1.Total
		} else if left := all.total - len(all.rows); p1.Total != left {
			return all, fmt.Errorf("%w: SHOPLINE's total is %d before %s, and %d are left", errWrong, p1.Total, end, left)
		}
		for _, it := range p1.Items {
			all.rows = append(all.rows, row{it.ID, it.Message.Content.Text, it.Message.CreatedAt.UnixMilli()})
			end = it.Message.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z")
		}
		if len(p1.Items) < 250 {
			return all, nil
		}
	}
}

// walkIMetaStore reads the chat by the platform's cursor: that of one buyer, or of all.
func (w *world) walkIMetaStore(ctx context.Context, p *process, buyer any) (all walk, err error) {
	type page struct {
		Data struct {
			Complete    int
			LastMsgTime int64
			LastMsgKey  string
			MsgList     []struct {
				MsgBody []struct{ MsgContent string }
			}
		}
	}
	all.total = -1
	for key, until, complete := "", int64(4_000_000_000), 0; complete == 0; {
		var p1 page
		err := w.imetastore.ask(ctx, p, "/merchant-api/seller/im/msg", map[string]any{
			"buyerId": buyer, "minTime": 0, "maxTime": until, "lastMsgKey": key,
		}, &p1)
		if err != nil {
			return all, err
		}
		for i := len(p1.Data.MsgList) - 1; i >= 0; i-- {
			var content struct{ Text string }
			if err := json.Unmarshal([]byte(p1.Data.MsgList[i].MsgBody[0].MsgContent), &content); err != nil {
				return all, fmt.Errorf("%w: iMetaStore's content: %w", errWrong, err)
			}
			all.rows = append(all.rows, row{text: content.Text})
		}
		if len(p1.Data.MsgList) == 0 && p1.Data.Complete == 0 {
			return all, fmt.Errorf("%w: iMetaStore's page is empty and not the last", errWrong)
		}
		complete, key, until = p1.Data.Complete, p1.Data.LastMsgKey, p1.Data.LastMsgTime
	}
	return all, nil
}

// login gets the token of the seller, which is good at every process.
func (w *world) login(ctx context.Context, p *process, email, password string) error {
	var answer struct{ Data struct{ AccessToken string } }
	if err := w.imetastore.ask(ctx, p, "/seller/auth/login", map[string]string{"email": email, "password": password}, &answer); err != nil {
		return err
	}
	w.imetastore.headers["Authorization"] = "Bearer " + answer.Data.AccessToken
	return nil
}
