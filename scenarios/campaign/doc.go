// Package campaign does many runs: it hands seeds to workers, adds up what happened, keeps the first seed of every kind of
// violation, and writes seed files.
//
// A campaign is a sequence of runs, numbered from 0: run i takes seed First + i/k and scenario i%k of its k scenarios. Workers
// take the runs in that order and each has a runner of its own, so nothing is shared while a run is under way. What comes back
// is added up in order again. The summary, the digest and the findings of a campaign over a range of seeds are therefore the
// same for any number of workers; a campaign bounded by time, or interrupted, did a prefix of the sequence.
package campaign
