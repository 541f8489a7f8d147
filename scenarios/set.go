package scenarios

import (
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// Set changes one option by its TOML name: "cluster.nodes=5", "network.late=1/20", "workload.classes=[\"cas\"]". Text needs no
// quotes. The options are not validated: several Sets may have to go together.
func (o *Options) Set(assignment string) error {
	key, value, ok := strings.Cut(assignment, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	if !ok || value == "" {
		return fmt.Errorf("--set %s: want KEY=VALUE, like cluster.nodes=5", assignment)
	}
	if strings.ContainsAny(assignment, "\r\n") {
		return fmt.Errorf("--set %q: want one line", assignment)
	}
	known := false
	for _, k := range optionKeys() {
		known = known || k == key
	}
	if !known {
		hint := suggestKey(key)
		if hint == "" {
			hint = ": simrun list --options has them all"
		}
		return fmt.Errorf("--set %s: unknown option %q%s", assignment, key, hint)
	}
	// A value is TOML as it stands, or text without its quotes. Both are tried on copies, so that a failure changes nothing.
	var problem string
	for i, form := range [...]string{value, quote(value)} {
		copied := *o
		meta, err := toml.Decode(key+" = "+form, &copied)
		if err == nil && len(meta.Undecoded()) == 0 && durationWithoutUnit(meta) == "" {
			*o = copied
			return nil
		}
		if err == nil {
			continue
		}
		if _, p := tomlProblem(err); i == 0 || !strings.HasPrefix(problem, key+": want ") {
			problem = p // of the text as it stands, if that is a value of another type
		}
	}
	return fmt.Errorf("--set %s: %s", assignment, problem)
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
