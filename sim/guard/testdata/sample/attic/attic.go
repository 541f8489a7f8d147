package attic // want: room

const Empty = true
