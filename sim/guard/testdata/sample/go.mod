module sample

go 1.26.0

require golang.org/x/exp v0.0.0

replace golang.org/x/exp => ./stub/exp
