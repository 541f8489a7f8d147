// Package mutants scores the harness: it plants a known bug in a copy of the program, lets the copy hunt for it, and says
// whether a judge named what the bug breaks, and after how much work.
//
// A mutant is a patch file: a header, then a unified diff against this source tree. The mutated files exist in a scratch
// folder only and reach the compiler through an overlay; nothing in the tree changes, and no flag or build tag of the program
// can switch a bug on.
//
// A mutant counts as caught when a run of the hunt breaks a property that the header lists under "violates". What else
// broke is reported beside it and does not count: a bug that is only noticed because something falls over later has not
// been understood. The unmodified program hunts too, as the control, and must find nothing.
package mutants
