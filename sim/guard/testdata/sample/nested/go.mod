module sample/nested

go 1.26.0
