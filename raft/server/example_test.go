package server_test

import (
	"fmt"
	"time"

	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/server"
	"raftsim/raft/statemachine"
	"raftsim/raft/vfs"
)

// member is one server with its disk, and the server's host: what it is asked to send goes into the queue of the cluster.
type member struct {
	id      uint64
	disk    *vfs.Mem
	server  *server.Server
	cluster *cluster
}

func (m *member) Moment(server.Moment, uint64) bool { return true } // false would be the end of the process
func (m *member) ApplyLater()                       {}              // only with Config.AsyncApply
func (m *member) Halt(err error)                    { panic(err) }  // going on would not be safe: end the process

// A message is the host's for the time of the call only: it leaves as bytes.
func (m *member) SendMessage(msg *raft.Message) {
	bytes := raft.AppendMessage(nil, msg)
	m.cluster.send(msg.To, func(to *server.Server, now int64) {
		var arrived raft.Message // may be used again for the next one: the server keeps nothing of it
		if err := raft.DecodeMessage(bytes, &arrived); err == nil {
			to.HandleMessage(now, &arrived)
		}
	})
}

func (m *member) SendForward(to uint64, r *client.Request) { m.cluster.SendRequest(to, r) }

// SendBeacon: nobody is in front of this cluster (server.Config.Announce).
func (m *member) SendBeacon(uint64, *client.Beacon) {}

func (m *member) SendReply(r *client.Reply) {
	bytes := client.AppendReply(nil, r)
	c := m.cluster
	c.queue = append(c.queue, func() {
		var reply client.Reply
		if err := client.DecodeReply(bytes, &reply); err == nil {
			c.client.HandleReply(c.now, &reply, c)
		}
	})
}

// cluster is the world around the servers: time, the network, one client. It is the client's environment. A real one has a clock and
// sockets instead, a loop per server, and raft/vfs/osfs for a disk.
type cluster struct {
	now     int64 // nanoseconds
	members []*member
	queue   []func() // what is on its way
	client  *client.Client
	result  []byte
	done    bool
}

func (c *cluster) send(to uint64, deliver func(*server.Server, int64)) {
	c.queue = append(c.queue, func() {
		for _, m := range c.members {
			if m.id == to && m.server != nil {
				deliver(m.server, c.now)
			}
		}
	})
}

func (c *cluster) SendRequest(to uint64, r *client.Request) {
	bytes := client.AppendRequest(nil, r)
	c.send(to, func(s *server.Server, now int64) {
		var request client.Request
		if err := client.DecodeRequest(bytes, &request); err == nil {
			s.HandleRequest(now, &request)
		}
	})
}

func (c *cluster) Completed(r *client.Reply) {
	c.result, c.done = append(c.result[:0], r.Result...), true
}
func (c *cluster) Abandoned(seq uint64, why client.Reason) {
	panic(fmt.Sprintf("#%d: %v", seq, why)) // the outcome is unknown, unless the reason says otherwise
}

// start writes a member's first state and starts it. After a crash or a stop only Restart is called, on the same disk.
func (c *cluster) start(id uint64, first func(vfs.FS) error) *member {
	m := &member{id: id, disk: new(vfs.Mem), cluster: c}
	check(first(m.disk))
	for _, done := range m.disk.Completions() {
		check(done.Err)
	}
	cfg := server.Config{Forward: true, Raft: raft.Config{ID: id, ElectionTimeout: time.Second, HeartbeatInterval: 100 * time.Millisecond}}
	var err error
	m.server, err = server.Restart(cfg, m.disk, m, nil, statemachine.NewKV())
	check(err)
	c.members = append(c.members, m)
	return m
}

// until lets everything happen that is due, and time pass when nothing is, until a condition holds.
func (c *cluster) until(holds func() bool) {
	for !holds() {
		busy := false
		for _, m := range c.members { // the disk is done: what waited for it may leave
			for _, done := range m.disk.Completions() {
				m.server.HandleSync(c.now, done.Ticket, done.Err)
				busy = true
			}
		}
		if len(c.queue) > 0 {
			arrives := c.queue[0]
			c.queue = c.queue[1:]
			arrives()
			busy = true
		}
		if busy {
			continue
		}
		next := c.client.Deadline()
		for _, m := range c.members {
			next = min(next, m.server.Deadline())
		}
		c.now = max(c.now, next)
		c.client.Tick(c.now, c)
		for _, m := range c.members {
			m.server.Tick(c.now)
		}
	}
}

// do runs one operation of the client to its end.
func (c *cluster) do(read client.ReadKind, command []byte) statemachine.Result {
	c.done = false
	c.client.Begin(c.now, read, command, c)
	c.until(func() bool { return c.done })
	r, err := statemachine.DecodeResult(c.result)
	check(err)
	return r
}

func (c *cluster) leader() *member {
	for _, m := range c.members {
		if m.server.Status().Role == raft.StateLeader {
			return m
		}
	}
	return nil
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// Three servers and a client, and a fourth server that joins.
func Example() {
	c := new(cluster)
	conf := raft.ConfState{Voters: []uint64{1, 2, 3}}
	for _, id := range conf.Voters {
		c.start(id, func(fsys vfs.FS) error { return server.Bootstrap(fsys, id, conf) })
	}
	var err error
	c.client, err = client.New(client.Config{Client: 1, Servers: []uint64{1, 2, 3, 4}, AttemptTimeout: time.Second})
	check(err)

	c.do(client.ReadLog, statemachine.AppendPut(nil, 7, []byte("hello")))
	got := c.do(client.ReadLeader, statemachine.AppendGet(nil, 7))
	fmt.Printf("read from the leader: %s\n", got.Cell.Value)

	joiner := c.start(4, func(fsys vfs.FS) error { return server.Join(fsys, 4, 0) }) // 0: no earlier member had this id
	check(c.leader().server.ProposeConfChange(c.now, &raft.ConfChange{
		Changes: []raft.ConfChangeSingle{{Type: raft.ConfChangeAddVoter, ID: 4}},
	}))
	c.until(func() bool { conf := joiner.server.ConfState(); return conf.IsMember(4) })
	fmt.Println("members that the new one knows:", joiner.server.ConfState().Voters)

	for _, m := range c.members {
		m.server.Close()
	}
	// Output:
	// read from the leader: hello
	// members that the new one knows: [1 2 3 4]
}
