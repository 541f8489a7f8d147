package powerloss

// random is a small generator of numbers (splitmix64), so that a seed means the same everywhere.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1.
func (r *random) below(n uint64) uint64 { return r.next() % n }

// oneIn is true once in n times.
func (r *random) oneIn(n uint64) bool { return r.below(n) == 0 }

func (r *random) mask(n int) []bool {
	m := make([]bool, n)
	for i := range m {
		m[i] = r.oneIn(2)
	}
	return m
}
