package osfs

// lockName is the file that holds the lock of its directory.
const lockName = "LOCK"
