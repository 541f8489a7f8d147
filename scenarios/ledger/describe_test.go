package ledger

import (
	"fmt"
	"strings"
)

// describe lists the headers and records of a disk, for people.
func describe(files []file) string {
	var b strings.Builder
	var r reader
	for _, f := range files {
		var k known
		k.parse(&r, member, f.name)
		fmt.Fprintf(&b, "%s %d bytes\n", f.name, len(f.bytes))
		if k.kind == kindSnapshot {
			fmt.Fprintf(&b, "  valid %v\n", r.snapshot(f.bytes, member, k.of))
		}
		if k.kind != kindSegment {
			continue
		}
		valid, h := r.header(f.bytes, &k.log), k.log.header
		fmt.Fprintf(&b, "  header valid %v flags %d prev %d-%d@%d mark %v hard %v last %v lost %v snapshot %v carried %d length %d\n",
			valid, h.flags, h.prevSegment, h.prevLife, h.prevEnd, h.mark, h.hard, h.last, h.lost, h.snapshot, h.carried, h.length)
		var x head
		for at := range uint64(len(f.bytes)) {
			if r.head(f.bytes, at, k.log.seed, &x) {
				fmt.Fprintf(&b, "  @%d..%d prev %v to %v hard %v mark %v good %d of %d, follows %08x is %08x\n",
					at, x.end(at), x.prev, x.last(), x.hard, x.mark, r.sound(&x, f.bytes, at, k.log.seed), x.count, x.chain, x.sum)
			}
		}
	}
	return b.String()
}
