// Package storage keeps what a Raft server must not forget: its identity, its hard state, its log and its snapshots. It is a
// write-ahead log in segments, and snapshot files beside it, on a vfs.FS.
//
// What follows is the whole format and the whole of recovery, exact enough for a decoder that shares no code with this package.
//
// # Conventions
//
// Numbers are little-endian and of fixed width: u8, u32, u64. "crc(a, b, ...)" is CRC-32C (Castagnoli, as in hash/crc32) of the
// concatenation of its arguments. An identity is (index u64, term u64) of an entry; (0, 0) is the beginning of every log. Identities
// are ordered by term, then by index: that is what newer and newest mean. A file name is two numbers of 16 lower-case hexadecimal
// digits each, joined by "-", and an ending:
//
//	SSSSSSSSSSSSSSSS-IIIIIIIIIIIIIIII.log    the segment of number S, begun by incarnation I of the server
//	XXXXXXXXXXXXXXXX-TTTTTTTTTTTTTTTT.snap   the snapshot that stands for all entries up to index X, whose term is T
//	save.tmp                                 a snapshot of our own, or a copy that Open makes of one, that is not complete
//	receive.tmp                              a snapshot that is arriving
//
// Whatever ends in ".tmp" is removed at Open. Other names are left alone, those of a snapshot of index 0 among them. The first segment of a
// member has number 1; its incarnation is 0, or 65536 times the index after which it joined. Every Open takes the incarnation after the
// greatest that is in a name, also beyond 65535 of them, and begins a segment with the number after the greatest; later ones of its life
// go on from there.
//
// A position is (segment number, offset in that file), ordered by segment, then by offset.
//
// # Segments
//
// A segment is a header followed by records without gaps. It grows while its incarnation lives and never changes afterwards.
// The header:
//
//	  0  magic            8 bytes "raftseg\x03"
//	  8  sum              u32   crc(header[0:8], header[12:length])
//	 12  length           u32   of the whole header: 176, and the configuration
//	 16  flags            u32   bit 0: the log begins anew here, nothing before this segment counts; other bits are 0
//	 20  prev sum         u32   sum of the last record (or the header) before prev end, 0 when flags has bit 0
//	 24  id               u64   of the member
//	 32  segment          u64   as in the file's name
//	 40  incarnation      u64   as in the file's name
//	 48  prev segment     u64   \ the segment before this one, all 0 when flags has bit 0
//	 56  prev incarnation u64   |
//	 64  prev end         u64   / it counts up to this offset
//	 72  mark             u64 segment, u64 offset: see "Marks"
//	 88  hard state       u64 term, u64 vote, u64 commit; commit may be beyond last if a record is carried
//	112  last             identity of the last entry of the log before this segment, and so before the carried record
//	128  lost             identity of the newest entry known to be lost to damage, (0, 0) for none
//	144  snapshot         identity of the newest snapshot of this member known to be durable, (0, 0) for none
//	160  carried          u64   size of a first record that belongs to the header, 0 for none
//	168  joined           u64   index after which the member joined, as Join was told; 0 for a bootstrap
//	176  configuration    of the member's bootstrap, as raft.AppendConfState writes it; without voters for one that joined
//
// A header is valid if magic, length, flags, sum and configuration are right, segment and incarnation agree with the name, prev end, the
// offset of the mark and carried are below 1<<63, and, when carried is not 0, the record behind it is whole (see below), of that
// size, and its prev is last.
//
// A record is what one Append wrote: a head, then the data of its entries, one after the other.
//
//	 0  magic      4 bytes "rec\x02"
//	 4  sum        u32   crc(salt, head[0:4], head[8:length])
//	 8  length     u32   of the head: 80 + 17*count
//	12  count      u32   of entries
//	16  chain      u32   sum of the record before, of the header for the first record
//	20  body       u32   bytes of data behind the head, the sum of the lengths in the table
//	24  hard state u64 term, u64 vote, u64 commit: always the whole hard state, changed or not; commit is at most the log's last index
//	48  prev       identity of the entry before the first one of this record; of the log's last if there are none
//	64  mark       u64 segment, u64 offset
//	80  table      count times: term u64, type u8, length u32, data sum u32
//
// The first entry has the index prev.index+1, the others follow. They replace whatever the log held from there on. The salt of a head that
// begins at offset f, and of data that begins at offset f, is id u64, incarnation u64, segment u64, f u64; the data sum is crc(salt,
// data). So no bytes of another file, place or life ever pass for a record, wherever they turn up. A head is valid if its magic, length,
// body and sum are right, the offset of the mark is below 1<<63, and no index is above 1<<64 - 1. A record is whole if its head is valid,
// its chain fits, and all its data lies where the segment counts, with the right sums. Identities are in the head, apart from the data:
// what is lost is known for what it was.
//
// # Marks
//
// The mark of a header or record is a position before which everything was known to be durable when it was written: bytes
// and names, by completed syncs. A power loss changes nothing before a mark.
//
// A segment is begun when the one before is full, by Open, and by the installation of a snapshot, after which the log begins anew. In the
// first case its predecessor may not be durable, and the mark says how far it is. By Open everything from the first header or record on
// that does not begin before the greatest mark that was read is left out of what counts (prev end), and repeated in the carried record:
// the mark is that one, and nothing before prev end is in doubt. The first header that counts stays, if it is valid: what was before it
// went when it was durable. If it is not valid the log begins anew, with all of it in the carried record. If the log begins anew the mark
// is (segment, 0).
//
// A mark in a later segment speaks of what counts of an earlier one. Where the header that says how much that is was damaged, what is at
// the end of the earlier one may be what a process left behind that died, in the cache of the system and never synced: it is repeated too.
//
// # Snapshots
//
// A snapshot file is the bytes of the state, size of them, followed by a footer:
//
//	data      size bytes
//	sums      u32 for each block of 65536 bytes of data, the last one shorter: crc(index u64, term u64, offset of the block u64, block)
//	meta      id u64, index u64, term u64, size u64
//	conf      configuration after the entry at index, as raft.AppendConfState writes it
//	length    u32   of the footer, from sums to the end of the file
//	sum       u32   crc(footer[0:length-12], magic)
//	magic     8 bytes "raftsnp\x02"
//
// The sum covers sums, meta, conf and length. A snapshot is valid if the footer is, id, index and term are those of the member
// and of the name and not 0, size and length add up to the size of the file, length is at most 1310720, and all
// blocks have their sums.
//
// # Recovery of an undamaged disk
//
// The newest valid snapshot S counts, by term and then index; without any, S is (0, 0). Take the segments in ascending order of (number,
// incarnation). Dead are those strictly between the one that a valid header calls the one before, and the one with that header, whether it
// is dead itself or not; and those before one with flag bit 0. Read the others in order: a segment up to the prev end that its successor
// gives, if that one has a valid header and calls it the one before, else to its end. Every header and every record says what the log is
// after it: the hard state, and the entries up to last or prev followed by the entries of the record. A commit index beyond them means all
// of them. The first bad place ends the log (if it is not damage, see below). The state is that after the last whole record, except that
// the log begins anew after S if it does not hold S: a server that stops between the arrival of a snapshot and the new segment. The commit
// index is raised to that of S.
//
// Compaction removes whole segments from the front, so the log of the first segment that is left begins after that header's
// last (or before, if a later record's prev says so). An entry that no segment holds any more is covered by S.
//
// # Torn or damaged
//
// A bad place is one where a whole record that continues the chain, or the valid header of the next segment, should begin and
// does not. A segment that is missing, and a header whose prev sum is not what it should be, are bad at the very end of the one before.
// A bad place is TORN, the end of what was written, if both hold:
//
//   - no mark of any valid header or valid head, in any segment that is not dead (heads are found by trying every offset up to
//     where the segment counts that is not in another valid head), is greater than it;
//   - no segment behind it has a valid header whose last has an index at most that of S (such a header and S are a beginning of their
//     own: a gap before it is what compaction leaves when a power loss undoes some of its removals).
//
// Everything from a torn place on is cut off: it was never covered by a completed sync. A power loss leaves nothing
// else: it may keep any of the unsynced sectors, sizes and names, and lose the others, but marks never reach beyond what was
// synced. The cut is durable with the header of the next segment, by its prev end. What is cut off tells of nothing that was lost.
//
// Any other bad place is a HOLE. Reading goes on at the next valid head or header. Behind a hole a record counts if its prev (a
// header: its last) is held by what was read before, which shows by Log Matching that nothing is missing between; if it is
// not, a new stretch of the log begins there, with prev (or last) as the entry before its first. An entry whose data is bad is
// taken from what was read before, if that holds the same identity; else the stretch ends before it. In the end the newest stretch
// that holds S is the log; if none does, S alone is; and without any snapshot and without a stretch that begins at (0, 0) the
// disk is refused.
//
// Damage is reported: State.Lost is the newest of the following, if the log so recovered is older than that.
//
//   - The last entry of the log as the last valid head or header tells it, behind holes too. It does not count if S alone is the log,
//     and the newest stretch begins not after S and ends with that entry: then S has replaced it (a server stopped during an
//     installation), and it may be newer than S, and was never committed.
//   - What the last valid header calls lost, unless the log was once as new as that behind it.
//   - In the same way, for a bad header that is a hole: the last entry of the log as what was read before tells it. The header
//     would say how far the segment before it counts, and what was known to be lost. So a tail that was cut off there shows again.
//     What is read later says what the log is, and takes away what is not in it; but all that was there before may be what was
//     lost.
//   - The name of the newest snapshot, if that is damaged.
//
// Lost is kept in the headers of new segments until the log is as new again. Term and vote are those of the last valid head or header
// that was read; the commit index is that of the last one that belongs to the chosen stretch, and at most the stretch's last index.
//
// Of a segment, what cannot be read is taken for zeros, in blocks of 512 bytes; a snapshot of which anything cannot be read is damaged.
//
// Refused with a *CorruptError are a disk without a valid header before what is cut off, one whose log needs a snapshot that is damaged or
// missing, one that holds what no server writes, and one of which something cannot be read behind a torn place: nothing tells what was
// there. What no server writes: in what is read, entries of term 0 or of a smaller one than the entry before, of an unknown type, marks
// that are greater than the place of what says them, and a term that is smaller than that of the log's last entry, or of S; a segment of 2
// GiB or more; names without a next number. Refused with ErrWrongID is a disk with the valid header of another member, and with ErrEmpty
// one without segments and snapshots, or with nothing but a first segment that was never written in whole.
//
// What cannot be told: damage behind the last mark, that is in what was written since the last completed sync but one
// (usually the last record, and the header of its segment if it is the first there), looks like a torn write. A newest segment
// lost in whole looks like one that was never begun. What the first header left called lost is forgotten if that header is damaged, and
// nothing else tells of it. A checksum has 32 bits and detects accidents, not malice.
//
// # Order of writes
//
//   - A Sync covers the current segment and, when one was begun since the Sync before, the full one and the names. The ticket is
//     that of the last sync submitted; completions come in order.
//   - Open begins a segment of its own under the next incarnation, and nothing is acknowledged or appended before that is durable. What
//     was read and no mark covers is in it once more: a system whose sync has failed shows bytes and names that it will not
//     write any more, and the next sync says nothing of it. The carried record and the header count together or not at all, so that a
//     power loss leaves either the old tail or the new one. A snapshot newer than all that valid headers call durable is copied and renamed
//     first, for the same reason.
//   - A snapshot is written under a temporary name, synced, renamed, and the names synced: each step after the one before has
//     completed. A snapshot under its own name is complete.
//   - An installed snapshot is durable under its name, and so is everything appended before, before a segment refers to it.
//   - A segment is removed when a durable snapshot covers it and its successor is durable. No removal is synced for its own sake.
//   - Segments that are dead, cut off, or repeated in whole in the new one are removed once that is durable.
package storage
