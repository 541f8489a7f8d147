package imports

import (
	_ "context"      // want: import
	_ "crypto/rand"  // want: import
	_ "embed"        // want: import
	_ "hash/maphash" // want: import
	_ "log"          // want: import
	_ "math/rand"    // want: import
	_ "math/rand/v2" // want: import
	_ "os"           // want: import
	_ "reflect"      // want: import
	_ "runtime"      // want: import
	_ "sync"         // want: import
	_ "sync/atomic"  // want: import
	_ "unsafe"       // want: import

	_ "golang.org/x/exp/rand" // want: import single-file

	_ "fmt"
	_ "runtime/debug"
	_ "sample/low"
)
