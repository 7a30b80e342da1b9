package imkit

import (
	"net/http"
	"time"

	"parlance"
	"parlance/files"
)

// signedFor is how long the address that signedUrlOnly asks for is good.
const signedFor = 10 * time.Minute

var errNoFile = &refusal{http.StatusNotFound, "File not found", "FILE_NOT_FOUND", "The specified file does not exist", false}

// getFile answers GET and HEAD /files/{bucket}/{id}: IMKit Files.
func (s *Server) getFile(w http.ResponseWriter, r *http.Request) error {
	c, err := s.caller(r)
	if err != nil {
		return err
	}
	if s.files == nil {
		return errNoFile
	}
	rec, err := s.files.ByPath(r.Context(), c.workspace, "/files/"+r.PathValue("bucket")+"/"+r.PathValue("id"))
	switch {
	case parlance.KindOf(err) == parlance.NotFound, err == nil && rec.State != files.Kept:
		return errNoFile
	case err != nil:
		return err
	}
	switch r.URL.Query().Get("signedUrlOnly") {
	case "1", "true":
		return s.signFile(w, r, c.workspace, &rec)
	}
	if err := s.files.Serve(w, r, &rec); parlance.KindOf(err) == parlance.NotFound {
		return errNoFile
	} else if err != nil {
		return err
	}
	return nil
}

// signFile answers with an address that works without headers: IMKit Files, signed addresses.
func (s *Server) signFile(w http.ResponseWriter, r *http.Request, ws parlance.WorkspaceID, rec *files.Record) error {
	path, err := s.links.Path(r.Context(), ws, rec, parlance.TimeOf(s.store.Now().Std().Add(signedFor)))
	if err != nil {
		return err
	}
	base := s.links.Base()
	if base == "" { // where the client found us
		base = "http://" + r.Host
		if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
			base = "https://" + r.Host
		}
	}
	return succeed(w, struct {
		URL string `json:"url"`
	}{base + path})
}
