package abd

import (
	"fmt"

	"raftsim/raft/vfs"
)

// Moment is an instant in the life of a replica, between two effects. A process may die there.
type Moment uint8

const (
	MomentRestored  Moment = iota // what is on disk has been read
	MomentReceived                // a message is about to be handled
	MomentWritten                 // a version or a new file is written, and not yet submitted
	MomentSubmitted               // a version is submitted, and not yet durable
	MomentBegun                   // a new file is submitted
	MomentSynced                  // something has become durable, and nobody has been told
	MomentSent                    // an answer has left
	MomentRemoved                 // older files are gone
	moments
)

// MomentNames returns the names of the moments, by number.
func MomentNames() []string {
	return []string{"restored", "received", "written", "submitted", "begun", "synced", "sent", "removed"}
}

// Host is what a replica asks of its surroundings.
type Host interface {
	// Moment says that the replica has come to m. False: the process is dead, and touches nothing any more.
	Moment(m Moment) bool
	// Send sends a message to its client. It must not keep m.
	Send(m *Message)
	// Halt says that the replica cannot go on, because its disk has failed it. Whoever starts it again lets it look at what it has.
	Halt(err error)
}

// Config is what can be set about a replica.
type Config struct {
	FileBytes  int64 // appended to a file before the next one begins, above 0
	MaxWaiting int   // answers that wait for the disk, above 0; what comes beyond is not answered, and its client asks again
}

// Stats counts what a replica did.
type Stats struct {
	Stores     uint64 // that brought a newer version
	Superseded uint64 // that brought an older one
	Repeats    uint64 // that brought the one it had
	Ties       uint64 // stores that met a version of the same counter: the writers' ids decided
	Files      uint64 // begun
	Refused    uint64 // messages not answered because too many answers waited
}

// Replica keeps versions. It is single-threaded. A dead one must not be called.
type Replica struct {
	config Config
	fs     vfs.FS
	host   Host

	cells   []cell     // by key
	done    vfs.Ticket // everything up to it is durable
	last    vfs.Ticket // the last one submitted
	waiting []waiting  // answers, in the order they were made

	file   vfs.File
	number uint64 // of the file
	size   int64
	limit  int64      // size beyond which the next file begins
	old    []string   // files that the newest one replaces
	retire vfs.Ticket // when they may be removed
	buffer []byte
	reply  Message
	stats  Stats
}

// cell is a key: its version, and the ticket with which that is durable.
type cell struct {
	version Version
	ticket  vfs.Ticket
}

// waiting is an answer that waits until what it says is durable.
type waiting struct {
	ticket  vfs.Ticket
	message Message
}

// Start begins a replica on what its file system holds: nothing, the first time. It answers as soon as all of that is durable
// again. An error means that it could not be read; a replica that died meanwhile, or could not write, has told its host.
func Start(c Config, fs vfs.FS, host Host) (*Replica, error) {
	if c.FileBytes <= 0 || c.MaxWaiting <= 0 {
		return nil, fmt.Errorf("abd: a replica wants FileBytes and MaxWaiting above 0, not %d and %d", c.FileBytes, c.MaxWaiting)
	}
	r := &Replica{config: c, fs: fs, host: host}
	if err := r.restore(); err != nil {
		return nil, err
	}
	if host.Moment(MomentRestored) {
		r.begin()
		for key := range r.cells {
			r.cells[key].ticket = r.retire
		}
	}
	return r, nil
}

// Handle handles a message of a client.
func (r *Replica) Handle(m *Message) {
	if !r.host.Moment(MomentReceived) {
		return
	}
	if len(r.waiting) >= r.config.MaxWaiting {
		r.stats.Refused++
		return
	}
	reply := &r.reply
	*reply = Message{Kind: Answer, Client: m.Client, Operation: m.Operation, Key: m.Key}
	c := r.cell(m.Key)
	if m.Kind == Store {
		if !r.store(m.Key, m.Version) {
			return
		}
		reply.Kind, reply.Version = Stored, m.Version
	} else {
		reply.Version = c.version
	}
	// Nothing is said before it is durable: who hears it counts on it through a loss of power.
	if c.ticket > r.done {
		r.waiting = append(r.waiting, waiting{c.ticket, *reply})
		return
	}
	r.host.Send(reply)
	r.host.Moment(MomentSent)
}

// store keeps a version if it is newer. It returns false if the replica is dead.
func (r *Replica) store(key uint64, v Version) bool {
	c := &r.cells[key]
	if v.Counter == c.version.Counter && v.Writer != c.version.Writer {
		r.stats.Ties++
	}
	switch {
	case v.Timestamp == c.version.Timestamp:
		r.stats.Repeats++
		return true
	case v.Less(c.version.Timestamp):
		r.stats.Superseded++
		return true
	}
	r.stats.Stores++
	c.version = v
	if r.size < r.limit {
		return r.append(key, v)
	}
	alive := r.begin()
	c.ticket = r.retire
	return alive
}

// HandleSync handles the completion of a sync, in the order of their tickets. A sync that failed ends the replica: what is
// durable is unknown, and what is not will be, when it starts again.
func (r *Replica) HandleSync(t vfs.Ticket, err error) {
	if err != nil {
		r.halt(err)
		return
	}
	r.done = t
	if !r.host.Moment(MomentSynced) {
		return
	}
	kept := 0
	for i := range r.waiting {
		w := &r.waiting[i]
		if w.ticket > r.done {
			r.waiting[kept] = *w
			kept++
			continue
		}
		r.host.Send(&w.message)
		if !r.host.Moment(MomentSent) {
			return
		}
	}
	r.waiting = r.waiting[:kept]
	if r.retire != 0 && r.done >= r.retire {
		r.retire = 0
		r.removeOld()
	}
}

// Version returns what the replica has of a key, durable or not.
func (r *Replica) Version(key uint64) Version {
	if key >= uint64(len(r.cells)) {
		return Version{}
	}
	return r.cells[key].version
}

// Stats returns the counts so far.
func (r *Replica) Stats() Stats { return r.stats }

// cell returns the cell of a key, which must be below MaxKeys.
func (r *Replica) cell(key uint64) *cell {
	for key >= uint64(len(r.cells)) {
		r.cells = append(r.cells, cell{})
	}
	return &r.cells[key]
}

func (r *Replica) ticket() vfs.Ticket {
	r.last++
	return r.last
}

func (r *Replica) halt(err error) { r.host.Halt(err) }
