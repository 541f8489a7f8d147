package checker

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"raftsim/internal/fixed"
)

// A leader of three with its first entry committed, so that it may change the configuration.
const (
	three      = "n1 conf 0 {1 2 3}; n2 conf 0 {1 2 3}; n3 conf 0 {1 2 3}; "
	leaderOf3  = three + "n1 hard 1 1; n1 elect 1; n1 append 1 1 x; n1 commit 1; "
	follower2  = "n2 hard 1 1; n2 append 1 1 x; "
	addsFour   = "n1 change 2 1 +4; n1 conf 2 {1 2 3 4}; "
	addsFive   = "n1 change 3 1 +5; n1 conf 3 {1 2 3 4 5}; "
	jointFirst = "n1 change 2 1 j; n1 conf 2 {1 4 5}+{1 2 3}; "
)

func TestConfigurationRules(t *testing.T) {
	checkRules(t, &Cluster{}, []ruleCase{
		{"CFG/config-differs", // of the first configuration
			"n1 conf 0 {1 2 3}; n2 conf 0 {1 2}",
			"n1 conf 0 {1 2 3}; n2 conf 0 {3 2 1}"},
		{"CFG/config-differs", // learners are part of it (M14)
			"n1 conf 0 {1 2}/{3}; n1 crash; n1 restart; n1 conf 0 {1 2 3}",
			"n1 conf 0 {1 2}/{3}; n1 crash; n1 restart; n1 conf 0 {1 2}/{3}"},
		{"CFG/config-differs", // also of those who vote nowhere
			"n1 conf 0 {1 2}/{3}; n2 conf 0 {1 2}",
			"n1 conf 0 {1 2}/{3}; n2 conf 0 {2 1}/{3}"},
		{"CFG/config-differs", // of an entry
			leaderOf3 + addsFour + follower2 + "n2 change 2 1 +4; n2 conf 2 {1 2 3}",
			leaderOf3 + addsFour + follower2 + "n2 change 2 1 +4; n2 conf 2 {1 2 3 4}"},
		{"CFG/config-differs", // halves of a joint one are not the same
			leaderOf3 + jointFirst + follower2 + "n2 change 2 1 j; n2 conf 2 {1 2 3}+{1 4 5}",
			leaderOf3 + jointFirst + follower2 + "n2 change 2 1 j; n2 conf 2 {1 4 5}+{1 2 3}"},
		{"CFG/config-differs", // after a cut, the configuration before is in force again (N04)
			leaderOf3 + addsFour + follower2 + "n2 change 2 1 +4; n2 conf 2 {1 2 3 4}; n2 truncate 1; n2 conf 0 {1 2 3 4}",
			leaderOf3 + addsFour + follower2 + "n2 change 2 1 +4; n2 conf 2 {1 2 3 4}; n2 truncate 1; n2 conf 0 {1 2 3}"},
		{"CFG/config-differs", // nor is a joint one the one it leads to
			leaderOf3 + jointFirst + follower2 + "n2 change 2 1 j; n2 conf 2 {1 4 5}",
			leaderOf3 + jointFirst + follower2 + "n2 change 2 1 j; n2 conf 2 {5 4 1}+{3 2 1}"},
		{"CFG/config-of-no-entry", // beyond the log
			leaderOf3 + "n1 conf 2 {1 2 3 4}",
			leaderOf3 + addsFour},
		{"CFG/config-of-no-entry", // of an entry that changes nothing
			leaderOf3 + "n1 append 2 1 y; n1 conf 2 {1 2 3 4}",
			leaderOf3 + addsFour},
		{"CFG/configuration-not-in-force", // stays with a configuration that was cut off
			leaderOf3 + addsFour + "n2 append 1 1 x; n2 elect 2; n2 append 2 2 z; n1 down 1; n1 hard 2 0; n1 append 2 2 z; n1 elect 3",
			leaderOf3 + addsFour + "n2 append 1 1 x; n2 elect 2; n2 append 2 2 z; n1 down 1; n1 hard 2 0; n1 append 2 2 z; n1 conf 0 {1 2 3}; n1 elect 3"},
		{"CFG/configuration-not-in-force", // commits by the old one
			leaderOf3 + "n1 change 2 1 +4; n1 commit 2; n1 append 3 1 y; n1 commit 3",
			leaderOf3 + addsFour + "n1 commit 2; n1 append 3 1 y; n1 commit 3"},
		{"CFG/no-common-quorum", // two servers at a time
			leaderOf3 + "n1 change 2 1 ++; n1 conf 2 {1 2 3 4 5}",
			leaderOf3 + addsFour + "n1 commit 2; " + addsFive},
		{"CFG/no-common-quorum", // all of them at once
			leaderOf3 + "n1 change 2 1 ++; n1 conf 2 {4 5 6}",
			leaderOf3 + "n1 change 2 1 j; n1 conf 2 {4 5 6}+{1 2 3}; n1 commit 2; n1 change 3 1 l; n1 conf 3 {4 5 6}"},
		{"CFG/no-common-quorum", // leaving a joint configuration for another one
			leaderOf3 + "n1 change 2 1 j; n1 conf 2 {4 5 6}+{1 2 3}; n1 commit 2; n1 change 3 1 l; n1 conf 3 {7 8 9}",
			leaderOf3 + "n1 change 2 1 j; n1 conf 2 {4 5 6}+{1 2 3}>{1 2 3}; n1 commit 2; n1 change 3 1 l; n1 conf 3 {4 5 6}/{1 2 3}"},
		{"CFG/left-otherwise", // a learner to come is forgotten
			leaderOf3 + "n1 change 2 1 j; n1 conf 2 {1 2 4}+{1 2 3}>{3}; n1 commit 2; n1 change 3 1 l; n1 conf 3 {1 2 4}",
			leaderOf3 + "n1 change 2 1 j; n1 conf 2 {1 2 4}+{1 2 3}>{3}; n1 commit 2; n1 change 3 1 l; n1 conf 3 {1 2 4}/{3}"},
		{"CFG/left-otherwise", // a learner is
			leaderOf3 + "n1 change 2 1 j; n1 conf 2 {1 2 4}+{1 2 3}/{5}>{3}; n1 commit 2; n1 change 3 1 l; n1 conf 3 {1 2 4}/{3}",
			leaderOf3 + "n1 change 2 1 j; n1 conf 2 {1 2 4}+{1 2 3}/{5}>{3}; n1 commit 2; n1 change 3 1 l; n1 conf 3 {4 2 1}/{5 3}"},
		{"CFG/left-otherwise", // it goes back to where it came from
			leaderOf3 + "n1 change 2 1 j; n1 conf 2 {1 2 4}+{1 2 3}; n1 commit 2; n1 change 3 1 l; n1 conf 3 {1 2 3}",
			leaderOf3 + "n1 change 2 1 j; n1 conf 2 {1 2 4}+{1 2 3}; n1 commit 2; n1 change 3 1 l; n1 conf 3 {1 2 4}"},
		{"CFG/config-differs", // who becomes a learner is part of it
			leaderOf3 + "n1 change 2 1 j; n1 conf 2 {1 2}+{1 2 3}>{3}; " + follower2 + "n2 change 2 1 j; n2 conf 2 {1 2}+{1 2 3}",
			leaderOf3 + "n1 change 2 1 j; n1 conf 2 {1 2}+{1 2 3}>{3}; " + follower2 + "n2 change 2 1 j; n2 conf 2 {1 2}+{1 2 3}>{3}"},
		{"CFG/config-differs", // and so is who leaves it
			leaderOf3 + "n1 change 2 1 j; n1 conf 2 {1 2}+{1 2 3} auto; " + follower2 + "n2 change 2 1 j; n2 conf 2 {1 2}+{1 2 3}",
			leaderOf3 + "n1 change 2 1 j; n1 conf 2 {1 2}+{1 2 3} auto; " + follower2 + "n2 change 2 1 j; n2 conf 2 {1 2}+{1 2 3} auto"},
		{"CFG/no-common-quorum", // learners do not count
			leaderOf3 + "n1 change 2 1 ++; n1 conf 2 {1}/{2 3}; ",
			leaderOf3 + "n1 change 2 1 ++; n1 conf 2 {1 2}/{3}; "},
		{"CFG/no-common-quorum", // nobody is left
			leaderOf3 + "n1 change 2 1 --; n1 conf 2 {}/{1}",
			leaderOf3 + "n1 change 2 1 -; n1 conf 2 {1 2}"},
		{"CFG/two-changes-at-once", // M03
			leaderOf3 + addsFour + addsFive,
			leaderOf3 + addsFour + "n1 commit 2; " + addsFive},
		{"CFG/two-changes-at-once", // within a step
			leaderOf3 + "n1 change 2 1 +4; & n1 conf 2 {1 2 3 4}; & n1 change 3 1 +5; & n1 conf 3 {1 2 3 4 5}",
			leaderOf3 + addsFour + "n1 change 3 1 +5; & n1 conf 3 {1 2 3 4 5}; & n1 commit 2"},
		{"CFG/two-changes-at-once", // what others commit in the same step does not clear it
			leaderOf3 + "n2 append 1 1 x; n1 change 2 1 +4; n1 conf 2 {1 2 3 4}; n1 change 3 1 +5; & n1 conf 3 {1 2 3 4 5}; & n2 change 2 1 +4; & n2 commit 2",
			leaderOf3 + "n2 append 1 1 x; n1 change 2 1 +4; n1 conf 2 {1 2 3 4}; n1 change 3 1 +5; & n1 conf 3 {1 2 3 4 5}; & n1 commit 2; & n2 change 2 1 +4; & n2 commit 2"},
		{"CFG/two-changes-at-once", // leaving before joint consensus is reached
			leaderOf3 + jointFirst + "n1 append 3 1 y; n1 change 4 1 l; n1 conf 4 {1 4 5}",
			leaderOf3 + jointFirst + "n1 append 3 1 y; n1 commit 2; n1 change 4 1 l; n1 conf 4 {1 4 5}"},
		{"CFG/two-changes-at-once", // what follows once it is too late does not clear it
			leaderOf3 + addsFour + "n1 change 3 1 +5; & n1 conf 3 {1 2 3 4 5}; n1 commit 2",
			leaderOf3 + addsFour + "n1 change 3 1 +5; & n1 conf 3 {1 2 3 4 5}; & n1 commit 2"},
		{"CFG/change-before-own-commit", // M01
			leaderOf3 + "n2 append 1 1 x; n2 commit 1; n2 elect 2; n2 append 2 2 y; n2 change 3 2 +4; n2 conf 3 {1 2 3 4}",
			leaderOf3 + "n2 append 1 1 x; n2 commit 1; n2 elect 2; n2 append 2 2 y; n2 commit 2; n2 change 3 2 +4; n2 conf 3 {1 2 3 4}"},
		{"CFG/change-before-own-commit", // committing something older in the same step does not clear it
			leaderOf3 + "n2 append 1 1 x; n2 elect 2; n2 append 2 2 y; n2 change 3 2 +4; & n2 conf 3 {1 2 3 4}; & n2 commit 1",
			leaderOf3 + "n2 append 1 1 x; n2 elect 2; n2 append 2 2 y; n2 change 3 2 +4; & n2 conf 3 {1 2 3 4}; & n2 commit 2"},
		{"CFG/change-before-own-commit", // a follower's copy is not its doing
			three + "n1 hard 1 1; n1 elect 1; n1 append 1 1 x; n1 change 2 1 +4; n2 hard 1 1; n2 append 1 1 x; n2 change 2 1 +4",
			leaderOf3 + "n1 change 2 1 +4; n2 hard 1 1; n2 append 1 1 x; n2 change 2 1 +4"},
		{"CFG/learner-elected", // M08
			"n3 conf 0 {1 2}/{3}; n3 elect 1",
			"n2 conf 0 {1 2}/{3}; n2 elect 1"},
		{"CFG/outsider-elected",
			"n4 conf 0 {1 2 3}; n4 elect 1",
			"n3 conf 0 {1 2 3}; n3 elect 1"},
		{"CFG/outsider-elected", // who knows no configuration
			"n4 join; n4 elect 1",
			"n4 join; n4 conf 0 {1 2 3 4}; n4 elect 1"},
		{"CFG/outsider-elected", // once removed for good; while the removal is open its vote may be needed (E22)
			leaderOf3 + "n1 change 2 1 -2; n1 conf 2 {1 3}; n1 commit 2; n2 append 1 1 x; n2 change 2 1 -2; n2 conf 2 {1 3}; n2 commit 2; n2 elect 2",
			leaderOf3 + "n1 change 2 1 -2; n1 conf 2 {1 3}; n1 commit 2; n2 append 1 1 x; n2 change 2 1 -2; n2 conf 2 {1 3}; n2 elect 2"},
		{"CFG/learner-elected", // demoted, and not a voter before either
			"n1 conf 0 {1 2}/{3}; n1 hard 1 1; n1 elect 1; n1 append 1 1 x; n1 commit 1; n1 change 2 1 -2; n1 conf 2 {1}/{3}; n3 append 1 1 x; n3 change 2 1 -2; n3 conf 2 {1}/{3}; n3 elect 2",
			"n1 conf 0 {1 2}/{3}; n1 hard 1 1; n1 elect 1; n1 append 1 1 x; n1 commit 1; n1 change 2 1 +3; n1 conf 2 {1 2 3}; n3 append 1 1 x; n3 change 2 1 +3; n3 conf 2 {1 2 3}; n3 elect 2"},
		{"CFG/outsider-leads", // M09: it goes on after its removal is committed
			leaderOf3 + "n1 change 2 1 -1; n1 conf 2 {2 3}; n1 commit 2; n1 append 3 1 y",
			leaderOf3 + "n1 change 2 1 -1; n1 conf 2 {2 3}; n1 append 3 1 y; n1 commit 2; n1 down 1"},
		{"CFG/learner-leads", // told once
			leaderOf3 + "n1 change 2 1 d1; n1 conf 2 {2 3}/{1}; n1 append 3 1 y; n1 append 4 1 y; n1 commit 2; n1 commit 3; n1 commit 4",
			leaderOf3 + "n1 change 2 1 d1; n1 conf 2 {2 3}/{1}; n1 append 3 1 y; n1 append 4 1 y; n1 commit 2; n1 down 1"},
		{"LM/entry-differs", // an entry that changes the configuration is another one than an entry with the same data
			leaderOf3 + addsFour + "n2 append 1 1 x; n2 append 2 1 +4",
			leaderOf3 + addsFour + "n2 append 1 1 x; n2 change 2 1 +4"},
	})
}

// A snapshot carries a configuration without the entry that made it.
func TestConfigurationOfASnapshot(t *testing.T) {
	const history = leaderOf3 + "n1 change 2 1 +4; n1 conf 2 {1 2 3 4}; n1 append 3 1 y; n1 commit 3; n1 apply 1 7; n1 apply 2 7; n1 apply 3 8; n4 join; "
	checkRules(t, &Cluster{}, []ruleCase{
		{"CFG/config-differs",
			history + "n4 install 3 1; n4 restored 3 1 8; n4 conf 3 {1 2 3}",
			history + "n4 install 3 1; n4 restored 3 1 8; n4 conf 3 {1 2 3 4}"},
		{"CFG/config-differs", // and after a restart
			history + "n4 install 3 1; n4 restored 3 1 8; n4 conf 3 {1 2 3 4}; n4 restart 3 1; n4 restored 3 1 8; n4 conf 3 {1 2 3}/{4}",
			history + "n4 install 3 1; n4 restored 3 1 8; n4 conf 3 {1 2 3 4}; n4 restart 3 1; n4 restored 3 1 8; n4 conf 3 {1 2 3 4}"},
		{"CFG/config-of-no-entry",
			history + "n1 conf 3 {1 2 3 4}",
			history + "n1 conf 2 {1 2 3 4}; n1 compact 3; n1 conf 3 {1 2 3 4}"},
		{"CFG/config-of-no-entry", // a snapshot of what the log has leaves the log as it is
			history + "n4 append 1 1 x; n4 change 2 1 +4; n4 append 3 1 y; n4 conf 3 {1 2 3 4}",
			history + "n4 append 1 1 x; n4 change 2 1 +4; n4 append 3 1 y; n4 install 3 1; n4 conf 3 {1 2 3 4}"},
		{"CFG/configuration-not-in-force", // the snapshot's replaces the one before (N04)
			history + "n3 install 3 1; n3 restored 3 1 8; n3 elect 2",
			history + "n3 install 3 1; n3 restored 3 1 8; n3 conf 3 {1 2 3 4}; n3 elect 2"},
	})
}

func TestRulesOfOtherImplementations(t *testing.T) {
	for _, tc := range []struct {
		name string
		c    Cluster
		feed string
	}{
		{"changes before an own commit", Cluster{EarlyChanges: true}, three + "n1 elect 1; n1 change 1 1 +4; n1 conf 1 {1 2 3 4}"},
		{"configurations in force when applied", Cluster{AppliedConfigurations: true}, leaderOf3 + "n1 change 2 1 +4; n1 commit 2; n1 conf 2 {1 2 3 4}"},
		{"clients without sessions", Cluster{AnyOrder: true}, "n1 exec 1 5 2; n1 exec 2 5 1"},
	} {
		tc.c.Reset(3)
		observe(t, &tc.c, tc.feed)
		if tc.c.Findings.Total() != 0 {
			t.Errorf("%s: %v", tc.name, tc.c.Findings.All())
		}
		plain := Cluster{}
		plain.Reset(3)
		observe(t, &plain, tc.feed)
		if plain.Findings.Total() == 0 {
			t.Errorf("%s: the switch switches nothing", tc.name)
		}
	}
}

// Votes and disks are counted by the configuration in force, and by both halves of a joint one.
func TestQuorumsOfConfigurations(t *testing.T) {
	// n1 leads term 1 of a joint configuration, by entry 2, of the voters {1 4 5} and, outgoing, {1 2 3}.
	const joint = "n1 conf 0 {1 2 3}; n1 promise 1 1; n2 promise 1 1; n1 elect 1; n1 append 1 1 x; n1 durable 1; n2 append 1 1 x; n2 durable 1; n1 commit 1;" +
		jointFirst + "n1 durable 2; "
	on := func(nodes ...int) (b string) {
		for _, n := range nodes {
			b += fmt.Sprintf("n%[1]d append 1 1 x; n%[1]d change 2 1 j; n%[1]d durable 2; ", n)
		}
		return b
	}
	elect := func(candidate int, voters ...int) string {
		b := fmt.Sprintf("n1 crash; n%[1]d append 1 1 x; n%[1]d change 2 1 j; n%[1]d conf 2 {1 4 5}+{1 2 3}; ", candidate)
		for _, v := range voters {
			b += fmt.Sprintf("n%d promise 2 %d; ", v, candidate)
		}
		return b + fmt.Sprintf("n%d elect 2", candidate)
	}
	const noVotes, noDisks = "ES/elected-without-quorum", "LC/commit-without-quorum"
	for _, tc := range []struct {
		name, feed, want string
	}{
		{"both majorities have it", joint + on(2, 4) + "n1 commit 2", ""},
		{"only the outgoing one", joint + on(2, 3) + "n1 commit 2", noDisks},
		{"only the incoming one", joint + on(4, 5) + "n1 commit 2", noDisks},
		{"votes of both majorities", joint + elect(4, 4, 5, 2, 3), ""},
		{"votes of the incoming one only", joint + elect(4, 4, 5, 2), noVotes},
		{"votes of the outgoing one only", joint + elect(2, 2, 3, 4), noVotes},
		{"a single server counts itself", "n1 conf 0 {1}; n1 promise 1 1; n1 elect 1; n1 append 1 1 x; n1 durable 1; n1 commit 1", ""},
		{"a learner's vote and disk do not count",
			"n1 conf 0 {1 2}/{3}; n1 promise 1 1; n3 promise 1 1; n1 elect 1", noVotes},
		{"a learner's disk does not count",
			"n1 conf 0 {1 2}/{3}; n1 promise 1 1; n2 promise 1 1; n1 elect 1; n1 append 1 1 x; n1 durable 1; n3 append 1 1 x; n3 durable 1; n1 commit 1", noDisks},
		{"a leader on its way out does not count itself",
			leaderOf3voted + "n1 change 2 1 -1; n1 conf 2 {2 3}; n1 durable 2; n2 append 1 1 x; n2 change 2 1 -1; n2 durable 2; n1 commit 2", noDisks},
		{"a leader on its way out counts the others",
			leaderOf3voted + "n1 change 2 1 -1; n1 conf 2 {2 3}; n2 append 1 1 x; n2 change 2 1 -1; n2 durable 2; n3 append 1 1 x; n3 change 2 1 -1; n3 durable 2; n1 commit 2", ""},
		{"who knows no configuration has no quorum", "n4 join; n4 promise 1 4; n4 elect 1", "CFG/outsider-elected " + noVotes},
		{"a voter never heard of has no disk", "n1 conf 0 {1 9}; n1 promise 1 1; n1 elect 1", noVotes},
	} {
		c := Cluster{WatchDisks: true}
		c.Reset(3)
		observe(t, &c, tc.feed)
		if got := strings.Join(signatures(&c.Findings), " "); got != tc.want {
			t.Errorf("%s: %s\n  want %q, got %v", tc.name, tc.feed, tc.want, c.Findings.All())
		}
	}
}

const leaderOf3voted = "n1 conf 0 {1 2 3}; n1 promise 1 1; n2 promise 1 1; n1 elect 1; n1 append 1 1 x; n1 durable 1; n2 append 1 1 x; n2 durable 1; n1 commit 1;"

// slowDisjoint tries every way to split the members.
func slowDisjoint(mine, others [2][]uint64, members int) bool {
	has := func(set []uint64, in func(uint64) bool) bool {
		n := 0
		for _, id := range set {
			if in(id) {
				n++
			}
		}
		return len(set) == 0 || n >= majority(len(set))
	}
	for split := range uint64(1) << members {
		ours := func(id uint64) bool { return split>>(id-1)&1 == 1 }
		theirs := func(id uint64) bool { return !ours(id) }
		if has(mine[0], ours) && has(mine[1], ours) && has(others[0], theirs) && has(others[1], theirs) {
			return true
		}
	}
	return false
}

func TestDisjointQuorumsEqualsTryingAll(t *testing.T) {
	found, none := 0, 0
	property := func(t *rapid.T) {
		const members = 8
		draw := func(name string, least int) []uint64 {
			return rapid.SliceOfNDistinct(rapid.Uint64Range(1, members), least, members, rapid.ID).Draw(t, name)
		}
		mine, others := [2][]uint64{draw("voters", 1), nil}, [2][]uint64{draw("voters after", 1), nil}
		if rapid.Bool().Draw(t, "joint") {
			mine[1] = draw("outgoing", 0)
		}
		if rapid.Bool().Draw(t, "joint after") {
			others[1] = draw("outgoing after", 0)
		}
		var b configurationBook
		b.reset(0)
		one := b.add(Configuration{Voters: mine[0], Outgoing: mine[1]})
		other := b.add(Configuration{Voters: others[0], Outgoing: others[1]})
		want := slowDisjoint(mine, others, members)
		if b.disjointQuorums(one, other) != want || b.disjointQuorums(other, one) != want {
			t.Fatalf("%s and %s: disjoint quorums %v", b.text(one), b.text(other), want)
		}
		if want {
			found++
		} else {
			none++
		}
	}
	fixed.Check(t, 100, property)
	if found < 20 || none < 20 {
		t.Fatalf("%d disjoint, %d not", found, none)
	}
	rapid.Check(t, property)
}

// What every sound change does, and the bound on odd ones.
func TestDisjointQuorumsAreCheap(t *testing.T) {
	var b configurationBook
	b.reset(0)
	many := func(from, to uint64) (ids []uint64) {
		for id := from; id <= to; id++ {
			ids = append(ids, id)
		}
		return ids
	}
	sound := b.add(Configuration{Voters: many(1, 101), Outgoing: many(50, 160)})
	if b.disjointQuorums(sound, b.add(Configuration{Voters: many(50, 160)})) {
		t.Error("leaving a joint configuration")
	}
	var d deal
	for i := range d.classes {
		d.classes[i].count = 20
	}
	d.need[0] = 1 // and nobody to fill it
	if d.possible(0) || d.deals > 2*maxDeals {
		t.Errorf("%d deals", d.deals)
	}
	if !b.disjointQuorums(b.add(Configuration{Voters: many(1, 100)}), b.add(Configuration{Voters: many(50, 160)})) {
		t.Error("too many servers at once")
	}
}

// What waits for the end of its step is judged at the end of a run, too, and once.
func TestSuspectsOfTheLastStep(t *testing.T) {
	var c Cluster
	c.Reset(3)
	observe(t, &c, leaderOf3+addsFour)
	c.AppendedConfiguration(1, 3, 1, []byte("+5"))
	c.Configured(1, 3, Configuration{Voters: []uint64{1, 2, 3, 4, 5}})
	if c.Findings.Total() != 0 {
		t.Errorf("before the end of the step: %v", c.Findings.All())
	}
	c.Close()
	c.Close()
	if got := signatures(&c.Findings); len(got) != 1 || got[0] != "CFG/two-changes-at-once" {
		t.Errorf("after the end of the run: %v", got)
	}
}
