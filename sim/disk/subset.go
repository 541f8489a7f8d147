package disk

import (
	"math"
	"strconv"
	"strings"
)

// subset says which of some ordered things survive a power loss. It is the N of a value:
//
//	0           nothing
//	1..999      a prefix in bytes: so many thousandths of them (of files only)
//	1000        everything
//	1001..1999  a prefix: so many thousandths plus 1000 of the things
//	2001..2999  all but the one at so many thousandths plus 2000
//	3001..3999  only the one at so many thousandths plus 3000
//	2^60 + M    those whose bits are set in M, below 2^60; none from the 61st on
//	-P          of each a coin, of the pattern P
//
// Thousandths are independent of how much there is, so a value means the same when the code writes more or less.
type subset int64

const (
	subsetAll subset = 1000
	maskBase  subset = 1 << 60
	maskBits         = 60
)

type family uint8

const (
	familyNone family = iota
	familyBytes
	familyAll
	familyFirst
	familyHole
	familySurvivor
	familyMask
	familyRandom
	familyIllegal
)

// parts returns the family and its parameter: thousandths, a mask or a pattern.
func (s subset) parts() (family, int64) {
	switch {
	case s == 0:
		return familyNone, 0
	case s == subsetAll:
		return familyAll, 0
	case s == math.MinInt64:
		return familyIllegal, 0
	case s < 0:
		return familyRandom, -int64(s)
	case s > maskBase && s < 2*maskBase:
		return familyMask, int64(s - maskBase)
	case s > 3999 || s%1000 == 0:
		return familyIllegal, 0
	}
	return [...]family{familyBytes, familyFirst, familyHole, familySurvivor}[s/1000], int64(s % 1000)
}

// makeSubset is the inverse of parts; ok is false if there is no such subset.
func makeSubset(f family, n int64) (s subset, ok bool) {
	thousandths := n >= 1 && n <= 999
	switch f {
	case familyNone:
		return 0, true
	case familyAll:
		return subsetAll, true
	case familyBytes:
		return subset(n), thousandths
	case familyFirst:
		return subset(1000 + n), thousandths
	case familyHole:
		return subset(2000 + n), thousandths
	case familySurvivor:
		return subset(3000 + n), thousandths
	case familyMask:
		return maskBase + subset(n), n >= 1 && n < int64(maskBase)
	case familyRandom:
		return subset(-n), n >= 1
	}
	return 0, false
}

// prefix returns how many of count things survive where a prefix does, from 0 to count, each about equally likely for an even
// choice of thousandths.
func (s subset) prefix(count int64) int64 {
	switch f, n := s.parts(); f {
	case familyAll:
		return count
	case familyBytes, familyFirst:
		return share(n, count)
	}
	return 0
}

// share returns that many thousandths of count + 1, rounded down.
func share(thousandths, count int64) int64 { return thousandths * (count + 1) / 1000 }

// place returns which of count things, at least one, lies at that many thousandths.
func place(thousandths, count int64) int64 { return thousandths * count / 1000 }

// holds says whether the i-th of count things survives. Where the prefix is one of bytes it says so of none.
func (s subset) holds(i, count int64) bool {
	switch f, n := s.parts(); f {
	case familyAll:
		return true
	case familyFirst:
		return i < share(n, count)
	case familyHole:
		return i != place(n, count)
	case familySurvivor:
		return i == place(n, count)
	case familyMask:
		return i < maskBits && n>>i&1 == 1
	case familyRandom:
		return scramble(uint64(n), uint64(i))&1 == 1
	}
	return false
}

// scramble is the i-th word of a pattern: the finisher of SplitMix64 over a sequence of odd steps.
func scramble(pattern, i uint64) uint64 {
	x := pattern + (i+1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// familyWords are the words for the families, by number; "" where a family is not to be had.
type familyWords [familyIllegal]string

func (s subset) append(dst []byte, words *familyWords) []byte {
	f, n := s.parts()
	if f == familyIllegal || words[f] == "" {
		return append(dst, '?')
	}
	dst = append(dst, words[f]...)
	switch f {
	case familyNone, familyAll:
		return dst
	case familyMask, familyRandom:
		return strconv.AppendInt(append(dst, ' '), n, 16)
	}
	return strconv.AppendInt(append(dst, ' '), n, 10)
}

// parseSubset reads what append writes from the beginning of text, and returns the rest.
func parseSubset(text string, words *familyWords) (s subset, rest string, ok bool) {
	word, rest, _ := strings.Cut(text, " ")
	for f := familyNone; f < familyIllegal; f++ {
		if words[f] == "" || words[f] != word {
			continue
		}
		if f == familyNone || f == familyAll {
			s, ok = makeSubset(f, 0)
			return s, rest, ok
		}
		base := 10
		if f == familyMask || f == familyRandom {
			base = 16
		}
		var number string
		number, rest, _ = strings.Cut(rest, " ")
		n, err := strconv.ParseInt(number, base, 64)
		if err != nil {
			return 0, "", false
		}
		s, ok = makeSubset(f, n)
		return s, rest, ok
	}
	return 0, "", false
}
