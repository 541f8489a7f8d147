package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A table is a map from (client, seq), whatever is done to it.
func TestTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type key struct{ client, seq uint64 }
		table, twin := newTable[int](), make(map[key]int)
		id, seq := rapid.Uint64Range(1, 3), rapid.Uint64Range(1, 5)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				k := key{id.Draw(t, "client"), seq.Draw(t, "seq")}
				if _, ok := twin[k]; ok {
					t.Skip("has a row")
				}
				twin[k] = rapid.Int().Draw(t, "value")
				table.rows[table.add(k.client, k.seq)].value = twin[k]
			},
			"remove": func(t *rapid.T) {
				k := key{id.Draw(t, "client"), seq.Draw(t, "seq")}
				i := table.find(k.client, k.seq)
				if i == noRow {
					t.Skip("has no row")
				}
				table.remove(i)
				delete(twin, k)
			},
			"clear": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "chance") > 0 {
					t.Skip("not now")
				}
				table.clear()
				clear(twin)
			},
			"": func(t *rapid.T) {
				got := make(map[key]int)
				for client := uint64(1); client <= 3; client++ {
					for i := table.first(client); i != noRow; i = table.rows[i].next {
						r := &table.rows[i]
						if r.client != client || table.find(client, r.seq) != i {
							t.Fatalf("row %d of client %d is %+v", i, client, *r)
						}
						got[key{client, r.seq}] = r.value
					}
				}
				if diff := cmp.Diff(twin, got, cmp.AllowUnexported(key{})); diff != "" || table.len() != len(twin) {
					t.Fatalf("%d rows (-want +got):\n%s", table.len(), diff)
				}
				if len(table.rows) > 15 {
					t.Fatalf("%d rows for 15 operations: freed ones are not used again", len(table.rows))
				}
			},
		})
	})
}
