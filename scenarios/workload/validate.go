package workload

import (
	"errors"
	"fmt"
	"strings"

	"raftsim/checker"
)

// Validator is an Application that can say what is wrong with it before there is a run.
type Validator interface{ Validate() error }

// IsWord reports whether s is a name that files, commands and options can carry: letters, digits, '-', '_' and '.', beginning with
// a letter or a digit.
func IsWord(s string) bool {
	for i, r := range s {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !plain && (i == 0 || !strings.ContainsRune("-_.", r)) {
			return false
		}
	}
	return s != ""
}

// Validate says in one sentence what a lacks, or has and cannot work, nil if nothing. It makes a machine once to see that there is one.
//
// The text of a choice is a part of a line of a seed file: it is printable, does not begin or end with a space, and contains neither
// " after " (what follows is the pause) nor "//" (a comment).
func (a *Custom) Validate() (err error) {
	if a == nil {
		return errors.New("the application is a nil *workload.Custom")
	}
	if _, err := a.check(); err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("function Machine of application %q panicked: %v", a.AppName, p)
		}
	}()
	if a.Machine() == nil {
		return fmt.Errorf("function Machine of application %q returned nil", a.AppName)
	}
	return nil
}

// check is Validate without a call of the user's functions. It returns the sum of the weights.
func (a *Custom) check() (weights uint64, err error) {
	switch {
	case a.AppName == "":
		return 0, errors.New("the application needs an AppName")
	case !IsWord(a.AppName):
		return 0, fmt.Errorf("AppName %q is not one word of letters, digits, '-', '_' and '.'", a.AppName)
	case a.Machine == nil:
		return 0, fmt.Errorf("application %q needs a Machine", a.AppName)
	case a.Model == nil:
		return 0, fmt.Errorf("application %q needs a Model", a.AppName)
	case len(a.Choices) == 0:
		return 0, fmt.Errorf("application %q needs Choices", a.AppName)
	}
	if v, ok := a.Model.(checker.Validator); ok {
		if err := v.Validate(); err != nil {
			return 0, fmt.Errorf("application %q: %w", a.AppName, err)
		}
	}
	write := false
	for i := range a.Choices {
		c := &a.Choices[i]
		if err := c.check(); err != nil {
			return 0, fmt.Errorf("choice %d of application %q %w", i+1, a.AppName, err)
		}
		for j := range a.Choices[:i] {
			if a.Choices[j].Text == c.Text {
				return 0, fmt.Errorf("choices %d and %d of application %q have the same Text, %q", j+1, i+1, a.AppName, c.Text)
			}
		}
		if weights+c.Weight < weights {
			return 0, fmt.Errorf("the weights of the choices of application %q add up to more than 64 bits hold", a.AppName)
		}
		write = write || c.Write
		weights += c.Weight
	}
	switch {
	case !write:
		return 0, fmt.Errorf("application %q needs a choice with Write: a run ends with a write by every client", a.AppName)
	case weights == 0:
		return 0, fmt.Errorf("application %q needs a choice with a Weight above 0", a.AppName)
	}
	return weights, nil
}

func (c *Choice) check() error {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case c.Text == "":
		return errors.New("needs a Text")
	case strings.TrimSpace(c.Text) != c.Text || strings.ContainsFunc(c.Text, control) || strings.Contains(c.Text, " after ") || strings.Contains(c.Text, "//"):
		return fmt.Errorf("has a Text that a line of a seed file cannot carry, %q: no space at its ends, no control character, no \" after \", no \"//\"", c.Text)
	case c.Command == nil:
		return fmt.Errorf("(%q) needs a Command", c.Text)
	case c.Output == nil:
		return fmt.Errorf("(%q) needs an Output", c.Text)
	}
	return nil
}
