package mirror_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"parlance/mirror"
)

// TestRecordsDocumented checks that docs/mirror.md names every field of the records as it is written.
func TestRecordsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/mirror.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "\n## Records\n")
	if !ok {
		t.Fatal("docs/mirror.md has no section Records")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, record := range []any{mirror.Config{}, mirror.Ledger{}, mirror.Aside{}} {
		for _, field := range fields(reflect.TypeOf(record)) {
			if !strings.Contains(section, "`"+field+"`") {
				t.Errorf("docs/mirror.md, Records, lacks %q of %T", field, record)
			}
		}
	}
}

// fields returns the names in JSON of all that a value of type t is written with.
func fields(t reflect.Type) (names []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return fields(t.Elem())
	case reflect.Struct:
		for f := range t.NumField() {
			field := t.Field(f)
			if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" || !field.Anonymous {
				names = append(names, name)
			}
			names = append(names, fields(field.Type)...)
		}
	}
	return names
}
