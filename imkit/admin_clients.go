package imkit

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"parlance"
	"parlance/access"
	"parlance/internal/reply"
)

// A clientRequest is the body of the calls that make users and their tokens.
type clientRequest struct {
	ID               string  `json:"_id"`
	IDAgain          string  `json:"id"` // taken if _id isn't given
	Nickname         *string `json:"nickname"`
	AvatarURL        *string `json:"avatarUrl"`
	Description      *string `json:"description"`
	IsRobot          *bool   `json:"isRobot"`
	IssueAccessToken bool    `json:"issueAccessToken"`
	Token            string  `json:"token"`          // made elsewhere
	ExpirationDate   string  `json:"expirationDate"` // ISO-8601 or Unix milliseconds
}

// expires returns when the token that was given expires: at the time given, or else when those
// do that nothing is said of.
func (s *Server) expires(q *clientRequest) (parlance.Time, error) {
	if q.ExpirationDate == "" {
		return s.keeper.NextExpiry(), nil
	}
	t, ok := parseTime(q.ExpirationDate)
	if !ok {
		return 0, badBody("expirationDate must be an ISO-8601 time or Unix milliseconds")
	}
	if t <= s.store.Now() {
		return 0, badBody("expirationDate has passed already")
	}
	return t, nil
}

// bounded refuses what is larger than an account takes.
func (q *clientRequest) bounded() error {
	for _, t := range []struct {
		name string
		text *string
		most int
	}{
		{"nickname", q.Nickname, parlance.MaxName},
		{"avatarUrl", q.AvatarURL, parlance.MaxAddress},
		{"description", q.Description, parlance.MaxDescription},
	} {
		if t.text != nil && len(*t.text) > t.most {
			return badBody(t.name + " is longer than " + strconv.Itoa(t.most) + " bytes")
		}
	}
	return nil
}

// putClient answers POST /admin/clients: it makes or updates a user and, if asked for,
// issues a token or assigns one that was made elsewhere. IMKit Authentication, tokens.
func (s *Server) putClient(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := s.admin(r)
	if err != nil {
		return err
	}
	var q clientRequest
	if err := readInto(r, &q); err != nil {
		return err
	}
	if q.ID == "" {
		q.ID = q.IDAgain
	}
	id := parlance.AccountID(q.ID)
	switch {
	case q.ID == "":
		return missing("_id")
	case parlance.CheckID("_id", id) != nil:
		return badBody("_id can't be a user's id")
	case q.IssueAccessToken && q.Token != "":
		return badBody("Ask for a token or assign one, not both")
	}
	if err := q.bounded(); err != nil {
		return err
	}
	expires, err := s.expires(&q)
	if err != nil {
		return err
	}
	account, err := s.store.UpdateAccount(ctx, c.workspace, id, func(a *parlance.Account) error {
		for from, to := range map[*string]*string{q.Nickname: &a.Name, q.AvatarURL: &a.Avatar, q.Description: &a.Description} {
			if from != nil {
				*to = *from
			}
		}
		if q.IsRobot != nil {
			a.Bot = *q.IsRobot
		}
		now := s.store.Now()
		if a.Created.IsZero() {
			a.Created = now
		}
		a.Updated = now
		return nil
	})
	if err != nil {
		return err
	}
	result, err := s.client(ctx, c.workspace, &account)
	if err != nil {
		return err
	}
	switch {
	case q.IssueAccessToken:
		token, err := s.keeper.IssueToken(ctx, c.workspace, id, access.Claims{Nickname: parlance.Cut(account.Name, parlance.MaxID)})
		if err != nil {
			return err
		}
		result.Token, result.ExpirationDate = token.Token, token.Expires.String()
	case q.Token != "":
		if err := s.keeper.AssignToken(ctx, c.workspace, id, q.Token, expires); err != nil {
			return taken(err)
		}
		result.setToken(&q, expires)
	}
	return succeedTwice(w, result)
}

// client returns an account as the administration calls show it.
func (s *Server) client(ctx context.Context, ws parlance.WorkspaceID, a *parlance.Account) (ClientRecord, error) {
	u, err := s.userOf(ctx, ws, a.ID, "")
	if err != nil {
		return ClientRecord{}, err
	}
	return ClientRecord{User: u, AppID: string(ws), UpdatedAt: a.Updated.String(), Mute: []string{}}, nil
}

// setToken shows a token that was made elsewhere, and its end.
func (c *ClientRecord) setToken(q *clientRequest, expires parlance.Time) {
	c.Token, c.ExpirationDate = q.Token, expires.String()
}

// taken returns what to answer when err says that another account has the token.
func taken(err error) error {
	if errors.Is(err, parlance.Conflict) {
		return errTokenTaken
	}
	return err
}

// succeedTwice answers with result in the envelope and its fields beside it once
// more: the documentation shows either form. IMKit Authentication, tokens.
func succeedTwice(w http.ResponseWriter, result any) error {
	flat, err := appendJSON(nil, result)
	if err != nil {
		return err
	}
	b := append([]byte(`{"RC":0,"RM":"OK","result":`), flat...)
	b = append(b, ',')
	reply.JSON(w, http.StatusOK, append(b, flat[1:]...)) // flat is an object with fields
	return nil
}
