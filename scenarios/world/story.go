package world

import (
	"bytes"
	"fmt"
	"time"

	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/sim"
)

// Narrator hears a run told for people: what a server or a client did at one point in virtual time is one line, and where it matters
// a picture of all logs follows. Telling changes nothing about the run, and costs nothing where nobody listens.
type Narrator interface {
	// Tell hears a line, without its end. The line is reused after the call.
	Tell(line []byte)
}

// A line is
//
//	0.302141  n1          appends 3/t1 (c1#2 put k0); sends 3/t1 to n2, n3 (cut off)  [situation, situation]
//	0.304012  n2 n4       stores 3/t1
//
// the time in seconds, who (several, where the next does the same: the time is the first one's), and what it did then, in order.
// Entries are named by index and term, operations by client and number; the name of a write also stands for the value it wrote. Behind a line stand the situations that it made (situations.go), those of every day apart. A line of "!" is a disturbance that
// struck, as in a case's overrides.
//
// A picture has one row per server:
//
//	             1 2 3 4
//	n1  t2  leads  1 1 2|2
//	n2  t1  down   1 1|1
//
// its term and role, and the term of every entry in its log; behind the bar is what the server does not know to be committed.

// story makes lines of what servers, clients and disturbances do. The methods below are called where the judges are told too. All of
// them may be called on a nil *story, and do nothing then.
type story struct {
	world *World
	out   Narrator
	next  sim.Tracer // the one of the run, if it has one

	at     sim.Time
	who    sim.ProcID
	line   []byte
	sends  sends
	stores struct{ first, last uint64 } // entries that were taken in just now; last is 0 for none
	marks  []Situation
	after  []string // disturbances that struck in the middle of the line
	held   struct { // the line before, which others may join
		at        sim.Time
		who, text []byte
	}
	drawn  bool // a picture is due behind the line
	buffer []byte

	logs     []shownLog // by server - 1
	commits  uint64     // up to here the line says that entries are committed
	applies  bool       // the line says that they are applied
	asks     bool       // the line says that the server asks who would vote for it
	answered bool       // the server has answered the message it is handling
	choices  map[asking]string
}

// asking names an operation.
type asking struct{ client, seq uint64 }

// sends are appends of the same entries to several servers.
type sends struct {
	first, last uint64
	to          []string
}

// newStory returns the story of a run, nil if nobody listens.
func newStory(w *World, c *Config) *story {
	if c.Narrator == nil {
		return nil
	}
	return &story{
		world: w, out: c.Narrator, next: c.Tracer, logs: make([]shownLog, c.Servers+c.Spares), choices: make(map[asking]string),
	}
}

// say adds a clause to the line of who, who may have one at this time already.
func (s *story) say(who sim.ProcID, format string, args ...any) {
	s.turnTo(who)
	s.gathered()
	s.clause(format, args...)
}

func (s *story) turnTo(who sim.ProcID) {
	if now := s.world.kernel.Now(); now != s.at || who != s.who {
		s.flush()
		s.at, s.who, s.commits, s.applies, s.asks = now, who, 0, false, false
	}
}

func (s *story) clause(format string, args ...any) {
	if len(s.line) > 0 {
		s.line = append(s.line, "; "...)
	}
	s.line = fmt.Appendf(s.line, format, args...)
}

// gathered makes clauses of what was gathered.
func (s *story) gathered() {
	if s.stores.last > 0 {
		first, last := s.stores.first, s.stores.last
		s.stores.last = 0
		s.clause("stores %s", s.log(s.who).names(first, last))
	}
	s.tellSends()
}

func (s *story) tellSends() {
	if len(s.sends.to) == 0 {
		return
	}
	to := s.sends.to
	s.sends.to = nil
	s.clause("sends %s to %s", s.log(s.who).names(s.sends.first, s.sends.last), joined(to))
	s.sends.to = to[:0]
}

// mark notes that the line of a server made a situation.
func (s *story) mark(n *node, what Situation) {
	if s == nil || what < SituationNoMajorityWrite { // those before are everyday
		return
	}
	s.turnTo(n.proc)
	for _, m := range s.marks {
		if m == what {
			return
		}
	}
	s.marks = append(s.marks, what)
}

// whoWide is the room for who does something, margin where clauses begin, and width where a line is broken.
const (
	whoWide = 11
	margin  = "                        "
	width   = 126
)

// togetherMost is how long after the first others may do the same and join its line.
const togetherMost = sim.Time(20 * time.Millisecond)

// flush ends the line. One that says of another server what the line before it says joins that line.
func (s *story) flush() {
	s.gathered()
	for i, m := range s.marks {
		s.line = append(append(s.line, [2]string{"  [", ", "}[min(i, 1)]...), Situations()[m].Name...)
	}
	if len(s.marks) > 0 {
		s.line = append(s.line, ']')
	}
	if len(s.line) > 0 {
		if who := s.world.vocab.AppendProc(nil, s.who); len(s.held.who) > 0 && len(s.held.who)+len(who) < whoWide && s.at <= s.held.at+togetherMost &&
			bytes.Equal(s.line, s.held.text) {
			s.held.who = append(append(s.held.who, ' '), who...)
		} else {
			s.let()
			s.held.at, s.held.who, s.held.text = s.at, who, append(s.held.text[:0], s.line...)
		}
		s.line = s.line[:0]
	}
	for _, line := range s.after {
		s.tell("!", line)
	}
	s.after, s.marks = s.after[:0], s.marks[:0]
	if s.drawn && s.world.kernel.Now() > s.at { // once for all that happened at this time
		s.drawn = false
		s.draw()
	}
}

// let tells the line that is held back.
func (s *story) let() {
	if len(s.held.who) > 0 {
		s.write(s.held.at, s.held.who, s.held.text)
		s.held.who = s.held.who[:0]
	}
}

// tell tells what no server or client does.
func (s *story) tell(mark, text string) {
	s.let()
	s.write(s.at, []byte(mark), []byte(text))
}

// write writes one line, broken where it is too long.
func (s *story) write(at sim.Time, who, text []byte) {
	micros := at / 1000
	s.buffer = fmt.Appendf(s.buffer[:0], "%3d.%06d  %-*s ", micros/1_000_000, micros%1_000_000, whoWide, who)
	for {
		cut := breakAt(text, width-len(margin))
		s.buffer = append(s.buffer, bytes.TrimRight(text[:cut], " ")...)
		s.out.Tell(s.buffer)
		if cut == len(text) {
			return
		}
		text = bytes.TrimLeft(text[cut:], " ")
		s.buffer = append(s.buffer[:0], margin...)
	}
}

// breakAt returns where a text is broken that has room for so many letters: at the last blank that fits, if there is one.
func breakAt(text []byte, room int) int {
	if len(text) <= room {
		return len(text)
	}
	cut := len(text)
	for i, c := range text {
		if c == ' ' && (i <= room || cut == len(text)) {
			cut = i
		}
		if i > room && cut < len(text) {
			break
		}
	}
	return cut
}

// remark tells something that nobody did.
func (s *story) remark(format string, args ...any) {
	s.flush()
	s.at, s.who = s.world.kernel.Now(), 0
	s.tell("-", fmt.Sprintf(format, args...))
}

// end tells how it all stands at the end.
func (s *story) end() {
	if s == nil {
		return
	}
	s.drawn = false
	s.remark("the end")
	s.draw()
}

// What servers do.

func (s *story) recovered(n *node, initial *raft.InitialState) {
	if s == nil {
		return
	}
	s.turnTo(n.proc)
	log := s.log(n.proc)
	log.restart(initial.Offset)
	for i := range initial.Entries {
		log.append(&initial.Entries[i], s.contentOf(&initial.Entries[i]))
	}
	if n.restart > 0 {
		s.say(n.proc, "starts%s, in term %d", log.ending(), initial.HardState.Term)
	}
}

func (s *story) appended(n *node, e *raft.Entry) {
	if s == nil {
		return
	}
	s.turnTo(n.proc)
	log := s.log(n.proc)
	log.append(e, s.contentOf(e))
	if n.seen.Role == raft.StateLeader && e.Term == n.seen.Term {
		s.say(n.proc, "appends %s", log.named(e.Index, e.Index))
		return
	}
	s.tellSends()
	if s.stores.last == 0 {
		s.stores.first = e.Index
	}
	s.stores.last = e.Index
}

// cut: entries from index on are about to be removed.
func (s *story) cut(n *node, from uint64) {
	if s == nil {
		return
	}
	if log := s.log(n.proc); from <= log.last() {
		s.say(n.proc, "removes %s", log.named(max(from, log.first), log.last()))
		log.cut(from)
		s.drawn = true
	}
}

func (s *story) installed(n *node, index, term uint64) {
	if s == nil {
		return
	}
	s.say(n.proc, "takes over a snapshot up to %d/t%d", index, term)
	s.log(n.proc).restart(index)
}

func (s *story) committed(n *node, from, to uint64, first bool) {
	if s == nil {
		return
	}
	log := s.log(n.proc)
	if first && n.seen.Role == raft.StateLeader {
		s.say(n.proc, "commits %s", log.named(from, to))
	} else {
		s.say(n.proc, "learns that %s is committed", log.names(from, to))
	}
	s.commits = to
}

func (s *story) applied(n *node, index uint64) {
	if s == nil {
		return
	}
	if s.at == s.world.kernel.Now() && s.who == n.proc && index <= s.commits {
		if !s.applies {
			s.applies = true
			s.gathered()
			s.line = append(s.line, ", applies it"...)
		}
		return
	}
	if n.seen.Role == raft.StateLeader { // of others it goes without saying
		s.say(n.proc, "applies %s", s.log(n.proc).names(index, index))
	}
}

func (s *story) role(n *node, st *raft.Status) {
	if s == nil {
		return
	}
	was := &n.seen
	led := was.Role == raft.StateLeader
	switch {
	case led && st.Role != raft.StateLeader && st.Term == was.Term:
		if !s.world.members.voters.Has(n.proc) {
			s.say(n.proc, "is no member any more: it leads no longer")
		} else {
			s.say(n.proc, "has not reached a majority for too long: it leads no longer")
		}
		s.drawn = true
	case led && st.Term != was.Term:
		s.say(n.proc, "hears of term %d: it leads no longer", st.Term)
		s.drawn = true
	case was.Role == raft.StateCandidate && st.Role == raft.StateFollower && st.Term > was.Term:
		s.say(n.proc, "hears of term %d: it is no candidate any more", st.Term)
	case was.Role == raft.StateCandidate && st.Role == raft.StateFollower:
		s.say(n.proc, "follows in term %d", st.Term)
	case st.Term > was.Term+1 && was.Term > 0 && st.Role == raft.StateFollower:
		s.say(n.proc, "goes from term %d to term %d", was.Term, st.Term)
	}
	switch {
	case st.Role == raft.StatePreCandidate && was.Role != raft.StatePreCandidate:
		s.say(n.proc, "hears of no leader")
	case st.Role == raft.StateCandidate && (was.Role != raft.StateCandidate || st.Term != was.Term):
		s.say(n.proc, "stands for election in term %d", st.Term)
	case st.Role == raft.StateLeader && (!led || st.Term != was.Term):
		s.say(n.proc, "leads term %d", st.Term)
		s.drawn = true
	}
}

func (s *story) uncounted(n *node, index uint64) {
	if s != nil {
		s.say(n.proc, "knows %s to be on a majority, and does not commit it: it is of an earlier term", s.log(n.proc).names(index, index))
	}
}

func (s *story) refusesChange(n *node) {
	if s != nil {
		s.say(n.proc, "refuses a change of the membership: it has committed nothing of its own term yet")
	}
}

func (s *story) died(n *node, how death) {
	if s == nil {
		return
	}
	s.say(n.proc, "%s", [...]string{
		alive: "ends", crashed: "crashes", powerLost: "loses power", panicked: "panics", halted: "halts", takenAway: "is taken away",
	}[how])
	s.drawn = true
}

func (s *story) sent(n *node, m *raft.Message) {
	if s == nil {
		return
	}
	s.answered = true
	to := s.addressee(n, m.To)
	switch m.Type {
	case raft.MsgApp:
		s.appends(n, m, to)
	case raft.MsgPreVote:
		if s.turnTo(n.proc); !s.asks {
			s.asks = true
			s.say(n.proc, "asks who would vote for it in term %d", m.Term)
		}
	case raft.MsgSnap:
		s.say(n.proc, "sends %s a piece of the snapshot up to %d", to, m.Index)
	case raft.MsgTimeoutNow:
		s.say(n.proc, "tells %s to stand for election", to)
	case raft.MsgVoteResp, raft.MsgPreVoteResp:
		s.votes(n, m, to)
	case raft.MsgAppResp:
		if m.Reject && m.Term == n.seen.Term && n.seen.Lead == m.To {
			s.say(n.proc, "refuses what n%d sends: it does not follow on its log", m.To)
		}
	}
}

// appends joins the same entries to several servers into one clause.
func (s *story) appends(n *node, m *raft.Message, to string) {
	if len(m.Entries) == 0 {
		return
	}
	first, last := m.Entries[0].Index, m.Entries[len(m.Entries)-1].Index
	s.turnTo(n.proc)
	if s.stores.last > 0 || len(s.sends.to) > 0 && (first != s.sends.first || last != s.sends.last) {
		s.gathered()
	}
	s.sends.first, s.sends.last = first, last
	s.sends.to = append(s.sends.to, to)
}

func (s *story) votes(n *node, m *raft.Message, to string) {
	pre := m.Type == raft.MsgPreVoteResp
	switch {
	case !m.Reject && pre:
		s.say(n.proc, "would vote for %s in term %d", to, m.Term)
	case !m.Reject:
		s.say(n.proc, "votes for %s in term %d", to, m.Term)
	case s.world.older(m.To, n.id):
		s.say(n.proc, "refuses %s its vote: its log is older", to)
	case n.seen.Vote != raft.None && n.seen.Vote != m.To:
		s.say(n.proc, "refuses %s its vote: it has voted for n%d in term %d", to, n.seen.Vote, n.seen.Term)
	default:
		s.say(n.proc, "refuses %s its vote: it is in term %d", to, n.seen.Term)
	}
}

// addressee names who a message goes to, and whether it has a chance to get there.
func (s *story) addressee(n *node, to uint64) string {
	other := s.world.server(sim.ProcID(to))
	switch {
	case other == nil:
	case s.world.network.Blocked(n.proc, other.proc):
		return fmt.Sprintf("n%d (cut off)", to)
	case !other.up():
		return fmt.Sprintf("n%d (down)", to)
	}
	return fmt.Sprintf("n%d", to)
}

// hears is told before a server handles a message of another, heard after it.
func (s *story) hears() {
	if s != nil {
		s.answered = false
	}
}

func (s *story) heard(n *node) {
	if s == nil || !n.up() || n.fate != alive {
		return
	}
	m := &n.message
	if m.Type == raft.MsgPreVote && !s.answered || m.Type == raft.MsgVote && m.Term > n.core.Status().Term {
		s.say(n.proc, "ignores that n%d wants its vote for term %d: it heard a leader lately", m.From, m.Term)
	}
}

// What is between servers and clients.

func (s *story) asked(n *node, r *client.Request) {
	if s == nil || r.Kind == client.KindWho {
		return
	}
	by := fmt.Sprintf("c%d", r.Client)
	if r.Hops > 0 {
		by = fmt.Sprintf("n%d", r.Origin)
	}
	s.say(n.proc, "gets %s from %s", s.operation(r.Kind == client.KindOpen, r.Client, r.Seq), by)
}

func (s *story) forwards(n *node, to uint64, r *client.Request) {
	if s != nil {
		s.say(n.proc, "forwards it to %s", s.addressee(n, to))
	}
}

func (s *story) replies(n *node, r *client.Reply) {
	if s == nil {
		return
	}
	if r.Status == client.ReplyWho {
		return
	}
	what := fmt.Sprintf("c%d#%d", r.Client, r.Seq)
	if s.world.network.Blocked(n.proc, clientBase+sim.ProcID(r.Client)) {
		what += " (cut off)"
	}
	switch r.Status {
	case client.ReplyOK:
		s.say(n.proc, "answers %s", what)
	case client.ReplyRedirect:
		s.say(n.proc, "tells %s that n%d leads", what, r.Leader)
	case client.ReplyDropped:
		s.say(n.proc, "tells %s that this attempt is lost", what)
	case client.ReplyExpired:
		s.say(n.proc, "tells %s that its session is over", what)
	case client.ReplyUnavailable:
		s.say(n.proc, "knows of no leader: %s has to try again", what)
	default:
		s.say(n.proc, "is too busy for %s", what)
	}
}

// operation names what a client asked for.
func (s *story) operation(open bool, id, seq uint64) string {
	if open {
		return fmt.Sprintf("c%d#%d new session", id, seq)
	}
	return fmt.Sprintf("c%d#%d %s", id, seq, s.choices[asking{id, seq}])
}

// contentOf says in a few words what an entry holds.
func (s *story) contentOf(e *raft.Entry) string {
	if e.Type == raft.EntryConfChange {
		var c raft.ConfChange
		if raft.DecodeConfChange(e.Data, &c) != nil {
			return "members"
		}
		return membersText(&c.Result)
	}
	if len(e.Data) == 0 {
		return "no-op"
	}
	var v statemachine.Envelope
	if statemachine.DecodeEnvelope(e.Data, &v) != nil {
		return "?"
	}
	return s.operation(v.Kind == statemachine.EnvelopeOpen, v.Client, v.Seq)
}

func membersText(c *raft.ConfState) string {
	text := "members " + serversText(c.Voters)
	if len(c.Outgoing) > 0 {
		text += " jointly with " + serversText(c.Outgoing)
	}
	if len(c.Learners) > 0 {
		text += ", learners " + serversText(c.Learners)
	}
	return text
}

func serversText(ids []uint64) string {
	var names []string
	for _, id := range ids {
		names = append(names, fmt.Sprintf("n%d", id))
	}
	return joined(names)
}

func joined(words []string) (text string) {
	for i, w := range words {
		if i > 0 {
			text += ", "
		}
		text += w
	}
	return text
}
