package checker

import (
	"testing"

	"pgregory.net/rapid"
)

func TestPairTableEqualsMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table pairTable
		for range rapid.IntRange(1, 3).Draw(t, "runs") {
			table.reset()
			twin := map[[2]uint64]uint32{}
			few := rapid.Uint64Range(0, 20)
			for i := range rapid.IntRange(0, 300).Draw(t, "puts") {
				k := [2]uint64{few.Draw(t, "a"), few.Draw(t, "b")}
				if rapid.Bool().Draw(t, "far") {
					k[0] <<= 40
				}
				table.put(k[0], k[1], uint32(i))
				twin[k] = uint32(i)
			}
			for a := range uint64(22) {
				for b := range uint64(22) {
					for _, k := range [][2]uint64{{a, b}, {a << 40, b}} {
						got, ok := table.find(k[0], k[1])
						want, wantOK := twin[k]
						if got != want || ok != wantOK {
							t.Fatalf("find(%v) = %d, %v; want %d, %v", k, got, ok, want, wantOK)
						}
					}
				}
			}
		}
	})
}

func TestPairTableSurvivesGenerationWrap(t *testing.T) {
	var table pairTable
	table.put(1, 2, 3)
	table.generation = ^uint32(0)
	table.put(4, 5, 6)
	table.reset()
	for _, k := range [][2]uint64{{1, 2}, {4, 5}} {
		if _, ok := table.find(k[0], k[1]); ok {
			t.Fatalf("%v outlived a reset", k)
		}
	}
	table.put(9, 9, 1)
	if _, ok := table.find(0, 0); ok {
		t.Fatal("an empty slot looks taken")
	}
}

// Every log of a random tree of logs is found again by walking down from its last entry.
func TestAncestorEqualsWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tree entryTree
		tree.reset()
		logs := [][]uint32{{0}}
		for range rapid.IntRange(1, 12).Draw(t, "logs") {
			from := logs[rapid.IntRange(0, len(logs)-1).Draw(t, "from")]
			log := append([]uint32(nil), from[:rapid.IntRange(1, len(from)).Draw(t, "keep")]...)
			term := rapid.Uint64Range(1, 3).Draw(t, "term")
			for range rapid.IntRange(0, 40).Draw(t, "grow") {
				id, _ := tree.add(log[len(log)-1], term, rapid.Uint64Range(0, 1).Draw(t, "content"), rapid.Bool().Draw(t, "change"))
				log = append(log, id)
			}
			logs = append(logs, log)
		}
		for _, log := range logs {
			for index, want := range log {
				if got := tree.ancestor(log[len(log)-1], uint64(index)); got != want {
					t.Fatalf("ancestor at %d of %v is %d", index, log, got)
				}
			}
		}
	})
}

// An entry that is not the first of its index and term is kept once, however many logs hold it.
func TestForksAreKeptOnce(t *testing.T) {
	var tree entryTree
	tree.reset()
	first, _ := tree.add(0, 1, 7, false)
	fork, rival := tree.add(0, 1, 8, false)
	again, rivalAgain := tree.add(0, 1, 8, false)
	if fork == first || fork != again || rival != first || rivalAgain != first || len(tree.nodes) != 3 {
		t.Errorf("first %d, forks %d and %d with rivals %d and %d, %d entries", first, fork, again, rival, rivalAgain, len(tree.nodes))
	}
}

// An entry that follows its parent in the tree, as most do, is known for the fork it is.
func TestForksRightAfterTheirParents(t *testing.T) {
	var tree entryTree
	tree.reset()
	first, _ := tree.add(0, 1, 7, false)
	second, _ := tree.add(first, 2, 7, false)
	other, _ := tree.add(0, 3, 7, false)
	for range 2 {
		if fork, rival := tree.add(other, 2, 8, false); fork != other+1 || rival != second {
			t.Errorf("fork %d, rival %d; want %d, %d", fork, rival, other+1, second)
		}
	}
}

// The jumps keep every way down short: at most about three hops per doubling.
func TestAncestorIsLogarithmic(t *testing.T) {
	var tree entryTree
	tree.reset()
	const length = 1 << 14
	last := uint32(0)
	for range length {
		last, _ = tree.add(last, 1, 0, false)
	}
	for index := uint32(0); index < length; index += 11 {
		hops := 0
		for id := last; tree.nodes[id].index > index; hops++ {
			if e := &tree.nodes[id]; tree.nodes[e.jump].index >= index {
				id = e.jump
			} else {
				id = e.parent
			}
		}
		if hops > 3*14 {
			t.Fatalf("%d hops down to %d", hops, index)
		}
	}
}
