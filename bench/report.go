package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// A row is one line of the table.
type row struct {
	Group    string `json:"group"`
	Scenario string `json:"scenario"`
	Unit     string `json:"unit,omitempty"` // of Ours and Rival

	Ours  float64 `json:"ours"`
	Rival float64 `json:"rival,omitempty"`
	// Against says what the rival is; empty if there is none.
	Against string `json:"against,omitempty"`

	// Latencies at the median, in microseconds; 0 if not measured.
	OursP50  float64 `json:"ours_p50_us,omitempty"`
	RivalP50 float64 `json:"rival_p50_us,omitempty"`

	// Ratio is the median over the rounds of ours to the rival's, each pair taken in
	// neighbouring turns; Low and High are the least and the greatest.
	Ratio float64 `json:"ratio,omitempty"`
	Low   float64 `json:"ratio_low,omitempty"`
	High  float64 `json:"ratio_high,omitempty"`

	Goal    *goal  `json:"goal,omitempty"`
	Verdict string `json:"verdict,omitempty"` // "aim met", "ok" or "MISSED"; empty without a goal
}

// A goal is what a row has to reach: the ratio if there is a rival, else the value itself.
type goal struct {
	Must  float64 `json:"must"`
	Aim   float64 `json:"aim,omitempty"` // 0: none beyond Must
	Lower bool    `json:"lower,omitempty"`
}

// judge returns r with its verdict on g.
func (r row) judge(g goal) row {
	value := r.Ours
	if r.Against != "" {
		value = r.Ratio
	}
	reaches := func(mark float64) bool {
		if g.Lower {
			return value <= mark
		}
		return value >= mark
	}
	r.Goal = &g
	switch {
	case !reaches(g.Must):
		r.Verdict = "MISSED"
	case g.Aim != 0 && reaches(g.Aim):
		r.Verdict = "aim met"
	default:
		r.Verdict = "ok"
	}
	return r
}

// A report is all that a run found.
type report struct {
	Machine string  `json:"machine"`
	Scale   float64 `json:"scale"`
	Seconds float64 `json:"seconds"`
	Rows    []row   `json:"rows"`
}

func (r *report) missed() int {
	n := 0
	for i := range r.Rows {
		if r.Rows[i].Verdict == "MISSED" {
			n++
		}
	}
	return n
}

// print writes the report as Markdown, a table per group.
func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "Machine: %s. Scale %g, took %s.\n", r.Machine, r.Scale, time.Duration(r.Seconds*float64(time.Second)).Round(time.Second))
	group := ""
	for i := range r.Rows {
		x := &r.Rows[i]
		if x.Group != group {
			group = x.Group
			fmt.Fprintf(w, "\n### %s\n\n", group)
			fmt.Fprintln(w, "| scenario | ours | rival | ratio [least–greatest] | p50 ours / rival | must | aim | |")
			fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|---:|---|")
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(x.cells(), " | "))
	}
}

func (r *row) cells() []string {
	c := []string{r.Scenario, number(r.Ours) + " " + r.Unit, "", "", "", "", "", r.Verdict}
	if r.Against != "" {
		c[2] = number(r.Rival) + " (" + r.Against + ")"
		c[3] = fmt.Sprintf("%.2f [%.2f–%.2f]", r.Ratio, r.Low, r.High)
	}
	if r.OursP50 != 0 {
		c[4] = micros(r.OursP50)
		if r.RivalP50 != 0 {
			c[4] += " / " + micros(r.RivalP50)
		}
	}
	if r.Goal != nil {
		sign := "≥ "
		if r.Goal.Lower {
			sign = "≤ "
		}
		c[5] = sign + number(r.Goal.Must)
		if r.Goal.Aim != 0 {
			c[6] = sign + number(r.Goal.Aim)
		}
	}
	return c
}

func micros(us float64) string {
	return time.Duration(us * float64(time.Microsecond)).Round(time.Microsecond).String()
}

// number writes v with some three significant digits, and thousands apart.
func number(v float64) string {
	switch {
	case v < 10:
		return strings.TrimSuffix(fmt.Sprintf("%.2f", v), ".00")
	case v < 100:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
	}
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func (r *report) writeJSON(file string) error {
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// median returns the middle of vs, which it sorts; 0 if there are none.
func median(vs []float64) float64 {
	if len(vs) == 0 {
		return 0
	}
	slices.Sort(vs)
	if len(vs)%2 == 0 {
		return (vs[len(vs)/2-1] + vs[len(vs)/2]) / 2
	}
	return vs[len(vs)/2]
}
