package block

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"parlance"
	"parlance/search/internal/fold"
)

// pages are the pages of a block that was made in a test.
type pages map[pageName][]byte

func (p pages) put(_ context.Context, s Section, number int, page []byte) error {
	p[pageName{"", s, number}] = page
	return nil
}

func (p pages) get(_ context.Context, s Section, number int) ([]byte, error) {
	page, ok := p[pageName{"", s, number}]
	if !ok {
		return nil, ErrDamaged
	}
	return page, nil
}

// build makes a block of documents.
func build(t testing.TB, docs []Document) (*Block, pages) {
	t.Helper()
	p := pages{}
	d, err := Build(t.Context(), slices.Clone(docs), p.put)
	if err != nil {
		t.Fatal(err)
	}
	cache := NewCache(1 << 20)
	t.Cleanup(cache.Close)
	return Open(fmt.Sprintf("%p", p), d, p.get, cache), p
}

// words are what texts of tests are made of.
var words = []string{
	"refund", "refunds", "the", "A12345", "a1", "酒店", "北京酒店", "ホテル", "チェックイン", "환불", "ขอบคุณ", "!", "👍🏽", "straße", "x", "order_99",
	strings.Repeat("long", 40),
}

// someDocuments returns documents of a few conversations and senders, some of which have the same time.
func someDocuments(r *rand.Rand, n int) []Document {
	docs := make([]Document, n)
	numbers := map[int]uint64{}
	for i := range docs {
		c := r.IntN(1 + n/10)
		numbers[c]++
		var text []string
		for range r.IntN(8) {
			text = append(text, words[r.IntN(len(words))])
		}
		if r.IntN(10) == 0 {
			text = append(text, fmt.Sprint("rare", r.IntN(n)))
		}
		m := parlance.Message{Type: types[r.IntN(len(types))], Edited: parlance.Time(r.IntN(2))}
		folded := fold.Fold(strings.Join(text, " "))
		docs[i] = Document{
			Name:   Name{parlance.Time(r.IntN(n)-n/2) * parlance.Time(1+999*(n%2)), parlance.ConversationID(fmt.Sprint("c", c)), numbers[c], numbers[c] + uint64(r.IntN(3))},
			Thread: Thread{parlance.ConversationID(fmt.Sprint("c", c)), parlance.Kind(fmt.Sprint("k", c%3)), "imkit"},
			Sender: Sender{parlance.AccountID(fmt.Sprint("s", r.IntN(7))), "", fmt.Sprint("n", r.IntN(3))},
			Flags:  FlagsOf(&m, folded),
			Folded: folded,
		}
	}
	return docs
}

// termsOf returns the terms of each document in the block's order, without those that are there twice.
func termsOf(docs []Document) (sorted []Document, terms []map[string]bool) {
	sorted = slices.Clone(docs)
	slices.SortFunc(sorted, func(a, b Document) int { return a.Name.Compare(b.Name) })
	sorted = slices.CompactFunc(sorted, func(a, b Document) bool { return a.Name == b.Name })
	for _, d := range sorted {
		of := map[string]bool{}
		fold.Terms(d.Folded, func(term []byte) { of[string(term)] = true })
		terms = append(terms, of)
	}
	return sorted, terms
}

// TestABlockGivesWhatItsDocumentsHave looks all terms up in blocks of one chunk and of several, and reads all columns.
func TestABlockGivesWhatItsDocumentsHave(t *testing.T) {
	for _, n := range []int{1, 2, 9, 1024, 3000, ChunkDocuments + 2001} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			docs := someDocuments(rand.New(rand.NewPCG(uint64(n), 1)), n)
			b, _ := build(t, docs)
			sorted, terms := termsOf(docs)
			if b.Documents != len(sorted) || b.Low != sorted[0].Created || b.High != sorted[len(sorted)-1].Created {
				t.Fatalf("the block has %d documents from %d to %d, want %d", b.Documents, b.Low, b.High, len(sorted))
			}
			checkColumns(t, b, sorted)
			all := map[string]bool{}
			for _, of := range terms {
				maps.Copy(all, of)
			}
			check := func(what string, l Lookup, has func(terms map[string]bool, d *Document) bool) {
				t.Helper()
				where, err := b.Where(t.Context(), l)
				if err != nil {
					t.Fatal(what, err)
				}
				for chunk := range (b.Documents + ChunkDocuments - 1) / ChunkDocuments {
					var set Set
					if err := b.Find(t.Context(), chunk, l, &set); err != nil {
						t.Fatal(what, err)
					}
					if got := where&(1<<chunk) != 0; got == set.Empty() {
						t.Fatalf("%s: chunk %d has some: %v", what, chunk, got)
					}
					for i := range b.ChunkSize(chunk) {
						n := chunk*ChunkDocuments + i
						if got, want := set.Has(uint32(i)), has(terms[n], &sorted[n]); got != want {
							t.Fatalf("%s: document %d is found: %v, want %v (%q)", what, n, got, want, sorted[n].Folded)
						}
					}
				}
			}
			names := slices.Sorted(maps.Keys(all))
			if most := max(10, 200_000/n); len(names) > most {
				rand.New(rand.NewPCG(1, 1)).Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
				names = names[:most]
			}
			for _, term := range append(names, "1酒", "2酒店", "wnothing", "w", "wz", "0", "x") {
				check("exact "+term, Exact(term),
					func(of map[string]bool, _ *Document) bool { return of[term] })
				prefix := term[:1+(len(term)-1)/2]
				check("prefix "+prefix, Prefix(prefix),
					func(of map[string]bool, _ *Document) bool {
						for name := range of {
							if strings.HasPrefix(name, prefix) {
								return true
							}
						}
						return false
					})
			}
			for _, suffix := range []bool{true, false} {
				for _, part := range []string{"2345", "fund", "ds", "e", "_9", "rare1", "nowhere"} {
					found, err := b.Choose(t.Context(), func(term []byte) bool {
						return suffix && strings.HasSuffix(string(term), part) || !suffix && strings.Contains(string(term[1:]), part)
					})
					if err != nil {
						t.Fatal(err)
					}
					check("words of "+part, Words(found),
						func(of map[string]bool, _ *Document) bool {
							for name := range of {
								if name[0] == fold.Word && (suffix && strings.HasSuffix(name, part) || !suffix && strings.Contains(name[1:], part)) {
									return true
								}
							}
							return false
						})
				}
			}
			// Facts lead to pages: all of their documents are found, and none of pages that have none.
			for _, s := range []string{"s1", "n2", "nobody"} {
				check("from "+s, From(s), inPages(sorted, func(d *Document) bool { return string(d.Sender.ID) == s || d.Sender.Name == s }))
			}
			check("in c0", In("c0"), inPages(sorted, func(d *Document) bool { return d.Conversation == "c0" }))
		})
	}
}

// inPages reports whether one of the documents of the same page of columns has something.
func inPages(sorted []Document, has func(*Document) bool) func(map[string]bool, *Document) bool {
	pages := map[*Document]bool{}
	for from := 0; from < len(sorted); from += PageDocuments {
		page := sorted[from:min(from+PageDocuments, len(sorted))]
		any := false
		for i := range page {
			any = any || has(&page[i])
		}
		for i := range page {
			pages[&page[i]] = any
		}
	}
	return func(_ map[string]bool, d *Document) bool { return pages[d] }
}

func checkColumns(t *testing.T, b *Block, sorted []Document) {
	t.Helper()
	for n := range sorted {
		d := &sorted[n]
		p, err := b.Page(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		i := n % PageDocuments
		thread, err := b.Thread(t.Context(), p.ThreadPlace(i))
		if err != nil {
			t.Fatal(err)
		}
		sender, err := b.Sender(t.Context(), p.SenderPlace(i))
		if err != nil {
			t.Fatal(err)
		}
		first, number := p.Entries(i)
		if p.Created(i) != d.Created || thread != d.Thread || sender != d.Sender || p.Flags(i) != d.Flags || first != d.First || number != d.Number {
			t.Fatalf("document %d is %d %v %v %x %d %d, want %+v", n, p.Created(i), thread, sender, p.Flags(i), first, number, d)
		}
	}
}

// TestMergedBlocksAreThoseOfAllDocuments merges blocks whose documents overlap, and some of which are the same: the result has the bytes of a
// block that is made of all of them at once.
func TestMergedBlocksAreThoseOfAllDocuments(t *testing.T) {
	for _, n := range []int{3, 500, 5000, ChunkDocuments/2 + 500} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(n), 2))
			docs := someDocuments(r, n)
			var parts []*Block
			for i := range 5 {
				var some []Document
				for j, d := range docs {
					if j%5 == i || r.IntN(20) == 0 {
						some = append(some, d)
					}
				}
				if len(some) > 0 {
					b, _ := build(t, some)
					parts = append(parts, b)
				}
			}
			whole, want := build(t, docs)
			got := pages{}
			d, err := Merge(t.Context(), parts, got.put)
			if err != nil {
				t.Fatal(err)
			}
			if d != whole.Descriptor {
				t.Errorf("merged it is %+v, want %+v", d, whole.Descriptor)
			}
			if !maps.EqualFunc(got, want, bytes.Equal) {
				t.Error("the pages differ")
			}
		})
	}
}

// TestDamagedPages alters pages at random: whatever is read is a value or ErrDamaged.
func TestDamagedPages(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	docs := someDocuments(r, 3000)
	_, p := build(t, docs)
	d, err := Build(t.Context(), docs, pages{}.put)
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Collect(maps.Keys(p))
	for range 2000 {
		name := names[r.IntN(len(names))]
		whole := p[name]
		broken := slices.Clone(whole)
		switch r.IntN(3) {
		case 0:
			broken[r.IntN(len(broken))] ^= 1 << r.IntN(8)
		case 1:
			broken = broken[:r.IntN(len(broken))]
		default:
			at := r.IntN(len(broken))
			broken = slices.Insert(broken, at, byte(r.IntN(256)))
		}
		p[name] = broken
		cache := NewCache(1 << 20)
		b := Open("damaged", d, p.get, cache)
		var set Set
		for _, word := range []string{"wrefund", "1酒", "2酒店"} {
			_ = b.Find(t.Context(), 0, Exact(word), &set)
			_ = b.Find(t.Context(), 0, Prefix(word), &set)
		}
		_, _ = b.Choose(t.Context(), func([]byte) bool { return true })
		_ = b.Find(t.Context(), 0, From("s1"), &set)
		if page, err := b.Page(t.Context(), 10); err == nil && page.Len() > 10 {
			_, _ = b.Thread(t.Context(), page.ThreadPlace(10))
		}
		_, _ = Merge(t.Context(), []*Block{b}, pages{}.put)
		cache.Close()
		p[name] = whole
	}
}

// BenchmarkMerge merges 16 blocks of 4,096 documents.
func BenchmarkMerge(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 4))
	docs := someDocuments(r, 16*4096)
	var parts []*Block
	for some := range slices.Chunk(docs, 4096) {
		part, _ := build(b, some)
		parts = append(parts, part)
	}
	for b.Loop() {
		if _, err := Merge(b.Context(), parts, func(context.Context, Section, int, []byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(docs))*float64(b.N)/b.Elapsed().Seconds(), "documents/s")
}
