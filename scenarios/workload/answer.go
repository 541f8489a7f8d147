package workload

import (
	"bytes"
	"fmt"
	"math/bits"
	"strconv"
)

// Answer appends what a person would call the answer of an operation: "ok", "c1#2" for the value which that operation wrote,
// "nothing" for a key that was never written.
func (s *kvSession) Answer(dst []byte, client, seq uint64) []byte {
	line := s.Describe(nil, client, seq)
	if at := bytes.LastIndex(line, []byte(" -> ")); at >= 0 {
		line = line[at+len(" -> "):]
	}
	if at := bytes.LastIndex(line, []byte(" [step")); at >= 0 {
		line = line[:at]
	}
	line = bytes.ReplaceAll(line, []byte("never"), []byte("nothing"))
	line = bytes.ReplaceAll(line, []byte("missing:"), []byte("nothing since "))
	line = bytes.ReplaceAll(line, []byte("v:"), nil)
	for len(line) > 0 {
		n := 0
		for n < len(line) && (line[n] >= '0' && line[n] <= '9' || line[n] >= 'a' && line[n] <= 'f') {
			n++
		}
		word, err := strconv.ParseUint(string(line[:n]), 16, 64)
		if word>>clientShift >= 1<<12 {
			word = bits.ReverseBytes64(word) // values are written one way and recorded the other
		}
		if err == nil && word>>clientShift > 0 {
			dst = fmt.Appendf(dst, "c%d#%d", word>>clientShift, word&(1<<clientShift-1))
		} else {
			dst = append(dst, line[:n]...)
		}
		if line = line[n:]; len(line) > 0 {
			dst, line = append(dst, line[0]), line[1:]
		}
	}
	return dst
}
