package world

// Situation is something that may happen to a cluster and that its users have to understand. Situations are counted in every run,
// whatever else is asked for, and change nothing about it.
type Situation uint8

// Situations, in the order of a report.
const (
	SituationCommitted Situation = iota
	SituationCommitLearnt
	SituationForwarded
	SituationOwnLogAnswer

	SituationNoMajorityWrite // from here on stories mention them
	SituationCommittedAfterReturn
	SituationUncommittedLost
	SituationUncommittedSurvives
	SituationLeaderLostBeforeMajority
	SituationLeaderLostBeforeCommit
	SituationLeaderLostBeforeTelling
	SituationOldTermNotCounted
	SituationOldTermCommitted
	SituationHeadOfLineBlocked
	SituationOutcomeUnknown

	SituationTwoLeaders
	SituationCutOffLeaderWrite
	SituationOldLeaderDeposed
	SituationLeaderGaveUp
	SituationSurplusOverwritten
	SituationSplitVote
	SituationOlderLogRefused
	SituationVoteTaken
	SituationTermsSkipped

	SituationExLeaderReached
	SituationHeldForLeader
	SituationReforwarded
	SituationDuplicateSuppressed
	SituationEarlyHeld

	SituationRemovedStands
	SituationChangeRefused

	situationEnd
)

// SituationSpec describes a situation.
type SituationSpec struct {
	Name string // does not change
	Doc  string // one sentence
	Calm bool   // it happens without any disturbance, if only seldom
}

// Situations returns all situations, by number.
func Situations() [situationEnd]SituationSpec {
	return [situationEnd]SituationSpec{
		SituationCommitted:    {"committed", "a leader commits entries of its own term that a majority holds (C9.1)", true},
		SituationCommitLearnt: {"commit-learnt", "a server learns that an entry is committed after another has committed it: with the next message of the leader (C9.1)", true},
		SituationForwarded:    {"forwarded", "a follower forwards a request to the leader it believes in (A2)", true},
		SituationOwnLogAnswer: {"own-log-answer", "a server that does not lead answers the command it took, once its own log has it committed and applied (A3)", true},

		SituationNoMajorityWrite:          {"write-without-majority", "a leader takes an operation into its log while it cannot reach a majority (C9.2)", false},
		SituationCommittedAfterReturn:     {"committed-after-majority-returns", "an operation taken by a leader without a majority is committed later (C9.2)", false},
		SituationUncommittedLost:          {"uncommitted-lost", "an operation in a leader's log is lost: another entry is committed in its place (C2, C9.3)", false},
		SituationUncommittedSurvives:      {"uncommitted-survives", "an operation that was not committed when its leader's rule ended is committed later (C9.3, C9.4)", false},
		SituationLeaderLostBeforeMajority: {"leader-lost-before-majority", "a leader dies or is deposed while an operation of its term is on less than a majority (C9.3)", false},
		SituationLeaderLostBeforeCommit:   {"leader-lost-before-commit", "a leader dies or is deposed while an operation of its term is on a majority and nobody has committed it (C9.4)", false},
		SituationLeaderLostBeforeTelling:  {"leader-lost-before-telling", "a leader dies which alone knew that an entry is committed (C9.5)", false},
		SituationOldTermNotCounted:        {"old-term-not-counted", "a leader knows an entry of an earlier term to be on a majority, and does not commit it by counting (C9.4, Figure 8)", false},
		SituationOldTermCommitted:         {"old-term-committed-with-own", "a leader commits an operation of an earlier term together with an entry of its own (C9.4)", false},
		SituationHeadOfLineBlocked:        {"head-of-line-blocked", "an operation enters a log behind one of another client that cannot reach a majority (C12)", false},
		SituationOutcomeUnknown:           {"outcome-unknown", "a client gives an operation up and is told neither success nor failure (C9.2)", true},

		SituationTwoLeaders:         {"two-leaders-at-once", "a server begins to lead while one of an earlier term still believes that it does (A6, C9.6)", false},
		SituationCutOffLeaderWrite:  {"write-to-cut-off-leader", "a leader takes an operation into its log while a later term has a leader already (C9.6)", false},
		SituationOldLeaderDeposed:   {"old-leader-deposed", "a leader hears of a larger term and follows (C4, C9.6)", false},
		SituationLeaderGaveUp:       {"leader-gave-up", "a leader that has reached no majority for an election timeout gives up by itself", false},
		SituationSurplusOverwritten: {"surplus-overwritten", "a follower loses entries beyond the end of the log its leader had at its election (C9.7)", false},
		SituationSplitVote:          {"split-vote", "a term ends without a leader although several servers stood in it (C7)", true},
		SituationOlderLogRefused:    {"older-log-refused", "a server refuses its vote to one whose log is older (C6)", true},
		SituationVoteTaken:          {"vote-taken", "a server refuses its vote because it has given it to another in this term (C6)", true},
		SituationTermsSkipped:       {"terms-skipped", "a server goes on to a term without ever having been in one between that had a leader (A6)", false},

		SituationExLeaderReached:     {"forward-met-no-leader", "a forwarded request reaches a server that does not lead (any more) (A4)", false},
		SituationHeldForLeader:       {"held-for-leader", "a follower that knows of no leader keeps a request until it does (A2)", false},
		SituationReforwarded:         {"re-forwarded", "a follower forwards a request that it had kept, or forwarded before, to a leader that it has learnt of (A4)", false},
		SituationDuplicateSuppressed: {"duplicate-suppressed", "a second copy of an operation is committed and not executed, counted at each server", false},
		SituationEarlyHeld:           {"early-held", "an operation that overtook the one before it waits in the state machine, counted at each server (B5)", true},

		SituationRemovedStands: {"removed-server-stands", "a server asks for votes that is no voter in the newest configuration known committed, counted at each request", false},
		SituationChangeRefused: {"change-before-own-commit-refused", "a leader refuses to change the membership because it has committed nothing of its own term (thesis section 4.1, as corrected in 2015)", false},
	}
}
