package statemachine

import (
	"fmt"
	"strconv"
	"strings"
)

// The canonical lines, for traces, transcripts and errors. What prints also parses.
//
//	get k3                      value "v"
//	put k3 "v"                  missing #7
//	delete k3 #7                ok
//	cas k3 value "old" "new"    failed value "v"
//	cas k3 missing #7 "new"     failed missing #0
//	append k3 "v"               invalid

func (op Op) String() string {
	switch op {
	case OpGet:
		return "get"
	case OpPut:
		return "put"
	case OpDelete:
		return "delete"
	case OpCAS:
		return "cas"
	case OpAppend:
		return "append"
	}
	return fmt.Sprintf("Op(%d)", uint8(op))
}

// AppendText appends the cell's text: value "v" or missing #7.
func (c Cell) AppendText(dst []byte) []byte {
	if c.Present {
		return strconv.AppendQuote(append(dst, "value "...), string(c.Value))
	}
	return strconv.AppendUint(append(dst, "missing #"...), c.Tombstone, 10)
}

func (c Cell) String() string { return string(c.AppendText(nil)) }

// AppendText appends the command's canonical line.
func (c Command) AppendText(dst []byte) []byte {
	dst = append(append(dst, c.Op.String()...), " k"...)
	dst = strconv.AppendUint(dst, c.Key, 10)
	switch c.Op {
	case OpPut, OpAppend:
		dst = strconv.AppendQuote(append(dst, ' '), string(c.Value))
	case OpDelete:
		dst = strconv.AppendUint(append(dst, " #"...), c.Tombstone, 10)
	case OpCAS:
		dst = append(c.Expect.AppendText(append(dst, ' ')), ' ')
		dst = strconv.AppendQuote(dst, string(c.Value))
	}
	return dst
}

func (c Command) String() string { return string(c.AppendText(nil)) }

// AppendText appends the result's canonical line.
func (r Result) AppendText(dst []byte) []byte {
	switch r.Kind {
	case ResultFound, ResultMissing:
		return r.Cell.AppendText(dst)
	case ResultOK:
		return append(dst, "ok"...)
	case ResultFailed:
		return r.Cell.AppendText(append(dst, "failed "...))
	case ResultInvalid:
		return append(dst, "invalid"...)
	}
	return fmt.Appendf(dst, "ResultKind(%d)", uint8(r.Kind))
}

func (r Result) String() string { return string(r.AppendText(nil)) }

// ParseCommand reads a command's canonical line.
func ParseCommand(line string) (Command, error) {
	p := parser{rest: line}
	var c Command
	word := p.word()
	switch word {
	case "get":
		c.Op = OpGet
	case "put":
		c.Op = OpPut
	case "delete":
		c.Op = OpDelete
	case "cas":
		c.Op = OpCAS
	case "append":
		c.Op = OpAppend
	default:
		return Command{}, fmt.Errorf("statemachine: %q: unknown operation %q", line, word)
	}
	c.Key = p.number("k")
	switch c.Op {
	case OpPut, OpAppend:
		c.Value = p.quoted()
	case OpDelete:
		if c.Tombstone = p.number("#"); c.Tombstone == 0 {
			p.fail("a tombstone above 0")
		}
	case OpCAS:
		c.Expect = p.cell(p.word())
		c.Value = p.quoted()
	}
	if err := p.end(line); err != nil {
		return Command{}, err
	}
	return c, nil
}

// ParseResult reads a result's canonical line.
func ParseResult(line string) (Result, error) {
	p := parser{rest: line}
	var r Result
	switch word := p.word(); word {
	case "ok":
		r.Kind = ResultOK
	case "invalid":
		r.Kind = ResultInvalid
	case "failed":
		r.Kind = ResultFailed
		r.Cell = p.cell(p.word())
	case "missing":
		r.Kind = ResultMissing
		r.Cell = p.cell(word)
	default:
		r.Kind = ResultFound
		r.Cell = p.cell(word)
	}
	if err := p.end(line); err != nil {
		return Result{}, err
	}
	return r, nil
}

// parser reads words from the front of a line. The first failure sticks.
type parser struct {
	rest string
	want string // what the first failure expected; empty: none so far
}

func (p *parser) fail(want string) {
	if p.want == "" {
		p.want = want
	}
}

func (p *parser) word() string {
	word, _, _ := strings.Cut(p.rest, " ")
	p.skip(len(word))
	return word
}

// skip drops the n bytes of a word and the one space between it and the next.
func (p *parser) skip(n int) {
	p.rest = p.rest[n:]
	if p.rest == "" {
		return
	}
	if p.rest[0] != ' ' || len(p.rest) == 1 {
		p.fail("one space between two words")
		return
	}
	p.rest = p.rest[1:]
}

func (p *parser) number(prefix string) uint64 {
	digits, ok := strings.CutPrefix(p.word(), prefix)
	n, err := strconv.ParseUint(digits, 10, 64)
	if !ok || err != nil || strconv.FormatUint(n, 10) != digits {
		p.fail("a number after " + strconv.Quote(prefix))
	}
	return n
}

func (p *parser) quoted() []byte {
	text, err := strconv.QuotedPrefix(p.rest)
	if err != nil {
		p.fail("a quoted value")
		return nil
	}
	p.skip(len(text))
	value, err := strconv.Unquote(text)
	if err != nil || strconv.Quote(value) != text {
		p.fail("a value quoted like Go's %q")
	}
	return []byte(value)
}

func (p *parser) cell(word string) Cell {
	switch word {
	case "value":
		return Cell{Present: true, Value: p.quoted()}
	case "missing":
		return Cell{Tombstone: p.number("#")}
	}
	p.fail(`"value" or "missing"`)
	return Cell{}
}

func (p *parser) end(line string) error {
	if p.rest != "" {
		p.fail("the end of the line")
	}
	if p.want != "" {
		return fmt.Errorf("statemachine: %q: want %s", line, p.want)
	}
	return nil
}
