package maprange

import "maps"

type table map[string]int

func Use(plain map[int]int, named table, nested struct{ m map[int]int }) (n int) {
	for range plain { // want: map-range
		n++
	}
	for k := range named { // want: map-range
		n += len(k)
	}
	for _, v := range nested.m { // want: map-range
		n += v
	}
	for k := range maps.Keys(named) { // want: map-range
		n += len(k)
	}
	for _, v := range maps.All(plain) { // want: map-range
		n += v
	}
	each := maps.Values[map[int]int] // want: map-range
	for v := range each(plain) {
		n += v
	}
	return n
}

func Generic[K comparable, M ~map[K]int](m M) (n int) {
	for _, v := range m { // want: map-range
		n += v
	}
	return n
}

type tables interface{ table | map[string]int }

func Constrained[M interface{ tables }](m M) (n int) {
	for _, v := range m { // want: map-range
		n += v
	}
	return n
}

type alias = table

func Aliased(m alias) (n int) {
	for range m { // want: map-range
		n++
	}
	return n
}
