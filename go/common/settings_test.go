package common

import (
	"bytes"
	"strings"
	"testing"
)

func parse(env map[string]string, arguments ...string) (int, string, error) {
	var out bytes.Buffer
	settings := NewSettings("x", func(name string) string { return env[name] }, &out)
	port := settings.Port("port", "PORT", "a port")
	err := settings.Parse(arguments)
	return *port, out.String(), err
}

// If both option and variable are set, the option is used; without the option, the variable.
func TestTheOptionWinsOverTheVariable(t *testing.T) {
	env := map[string]string{"PORT": "1"}
	if port, _, err := parse(env, "--port", "65535"); port != 65535 || err != nil {
		t.Errorf("got %d, %v", port, err)
	}
	if port, _, err := parse(env); port != 1 || err != nil {
		t.Errorf("got %d, %v", port, err)
	}
}

// A bad port, from either place, is wrong usage with a message that says what is valid.
func TestABadPortIsWrongUsage(t *testing.T) {
	for _, bad := range []string{"", "0", "65536", "x", "-1", "¹"} {
		for _, run := range []func() (int, string, error){
			func() (int, string, error) { return parse(nil, "--port="+bad) },
			func() (int, string, error) { return parse(map[string]string{"PORT": bad}) },
		} {
			_, out, err := run()
			if err == nil || !(strings.Contains(out, "is not a port; use a number from 1 to 65535") || (bad == "" && strings.Contains(out, "--port is required"))) {
				t.Errorf("%q: got %q, %v", bad, out, err)
			}
		}
	}
}

// Without option and variable, the error names both; so does one for an argument that is no option.
func TestAMissingSettingIsNamed(t *testing.T) {
	if _, out, err := parse(nil); err == nil || !strings.Contains(out, "x: error: --port is required; pass it, or set PORT") {
		t.Errorf("got %q, %v", out, err)
	}
	if _, out, err := parse(nil, "--port=1", "more"); err == nil || !strings.Contains(out, "unrecognized argument: more") {
		t.Errorf("got %q, %v", out, err)
	}
}
