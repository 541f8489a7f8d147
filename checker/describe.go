package checker

import "strconv"

// Describe appends the canonical line of an operation: "c2#14 get k3 -> v:1f [step 120, 164]".
func (h *History) Describe(dst []byte, o *Operation) []byte {
	dst = append(dst, 'c')
	dst = strconv.AppendUint(dst, o.Client, 10)
	dst = append(dst, '#')
	dst = strconv.AppendUint(dst, o.Seq, 10)
	dst = append(dst, ' ')
	dst = append(dst, o.Kind.String()...)
	dst = append(dst, " k"...)
	dst = strconv.AppendUint(dst, o.Key, 10)
	switch o.Kind {
	case OpPut:
		dst = append(dst, ' ')
		dst = h.describeState(dst, o.Written, o.wrote)
	case OpAppend:
		dst = append(dst, " +"...)
		dst = strconv.AppendUint(dst, o.Written, 16)
	case OpDelete:
		dst = append(dst, " leaving "...)
		dst = h.describeState(dst, o.Written, o.wrote)
	case OpCAS:
		dst = append(dst, ' ')
		dst = h.describeState(dst, o.Expected, o.expected)
		dst = append(dst, " to "...)
		dst = h.describeState(dst, o.Written, o.wrote)
	}
	dst = append(dst, " -> "...)
	switch {
	case o.ret == 0:
		dst = append(dst, "unknown"...)
	case o.Kind == OpGet:
		dst = h.describeState(dst, o.Observed, o.observed)
	case o.Kind == OpCAS && !o.Swapped:
		dst = append(dst, "saw "...)
		dst = h.describeState(dst, o.Observed, o.observed)
	case o.Kind == OpCAS:
		dst = append(dst, "swapped"...)
	default:
		dst = append(dst, "ok"...)
	}
	if o.Read != ReadLogged && o.ret != 0 {
		dst = append(dst, " ("...)
		dst = append(dst, o.Read.String()...)
		dst = append(dst, " at "...)
		dst = strconv.AppendUint(dst, o.ReadAt, 10)
		if o.OutOfContract {
			dst = append(dst, ", out of contract"...)
		}
		dst = append(dst, ')')
	}
	dst = append(dst, " [step "...)
	dst = strconv.AppendUint(dst, o.Invoke, 10)
	if o.ret == 0 {
		return append(dst, ", ...]"...)
	}
	dst = append(dst, ", "...)
	dst = strconv.AppendUint(dst, o.Return, 10)
	return append(dst, ']')
}

// wordsShown bounds how many of a value's last words a line shows.
const wordsShown = 4

func (h *History) describeState(dst []byte, cell uint64, s span) []byte {
	words := h.at(s)
	switch {
	case cell == 0:
		return append(dst, "never"...)
	case !present(cell):
		dst = append(dst, "missing:"...)
		if len(words) > 0 {
			dst = strconv.AppendUint(dst, words[0], 16)
		}
		return dst
	}
	dst = append(dst, "v:"...)
	if hidden := len(words) - wordsShown; hidden > 0 {
		dst = append(dst, '(')
		dst = strconv.AppendInt(dst, int64(hidden), 10)
		dst = append(dst, ")."...)
		words = words[hidden:]
	}
	for i, word := range words {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = strconv.AppendUint(dst, word, 16)
	}
	return dst
}
