package storage

import "strings"

const (
	segmentEnding  = ".log"
	snapshotEnding = ".snap"
	tempEnding     = ".tmp"
	saveTemp       = "save" + tempEnding
	receiveTemp    = "receive" + tempEnding

	digits = 16 // of a number in a name
)

// SegmentName returns the name of a segment's file.
func SegmentName(segment, incarnation uint64) string {
	return pairName(segment, incarnation, segmentEnding)
}

// SnapshotName returns the name of a snapshot's file.
func SnapshotName(index, term uint64) string { return pairName(index, term, snapshotEnding) }

// ParseSegmentName undoes SegmentName.
func ParseSegmentName(name string) (segment, incarnation uint64, ok bool) {
	return parsePair(name, segmentEnding)
}

// ParseSnapshotName undoes SnapshotName.
func ParseSnapshotName(name string) (index, term uint64, ok bool) {
	return parsePair(name, snapshotEnding)
}

func pairName(a, b uint64, ending string) string {
	var buf [2*digits + 8]byte
	name := append(appendHex(append(appendHex(buf[:0], a), '-'), b), ending...)
	return string(name)
}

func appendHex(dst []byte, n uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[n>>shift&0xf])
	}
	return dst
}

func parsePair(name, ending string) (a, b uint64, ok bool) {
	if len(name) != 2*digits+1+len(ending) || name[digits] != '-' || !strings.HasSuffix(name, ending) {
		return 0, 0, false
	}
	if a, ok = parseHex(name[:digits]); !ok {
		return 0, 0, false
	}
	b, ok = parseHex(name[digits+1 : 2*digits+1])
	return a, b, ok
}

func parseHex(s string) (n uint64, ok bool) {
	for i := range len(s) {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, false
		}
		n = n<<4 | uint64(c)
	}
	return n, true
}
