package address

import "fmt"

type node struct {
	next *node
	id   *text
}

type text struct{ s string }

func (t *text) String() string { return t.s }

type Shown struct{ ID *text }

type flat struct{ a, b int }

func Use(n *node, t *text, i *int, f func(), a any) string {
	s := fmt.Sprintf("%p", t)          // want: address
	s += fmt.Sprint(i)                 // want: address
	s += fmt.Sprintf("%v", *n)         // want: address
	s += fmt.Sprintf("%v", n)          // want: address
	s += fmt.Sprintln(f)               // want: address
	s += fmt.Sprint([]*node{n})        // want: address
	s += fmt.Sprint(map[string]*int{}) // want: address
	s += fmt.Sprintf("100%%pure %v %v %v %v", t, Shown{t}, &flat{}, []*text{t})
	s += fmt.Sprint(a)
	return string(fmt.Appendf(nil, "%v", i)) + s // want: address
}
