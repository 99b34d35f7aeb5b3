package common

import (
	"flag"
	"fmt"
	"io"
	"strconv"
)

// Settings are options of the command line, with defaults from environment variables.
//
// A pod's manifest sets the variables; a person at a shell passes the options.
type Settings struct {
	flags    *flag.FlagSet
	program  string
	env      func(string) string
	required map[string]string
	checks   []func() error
}

// NewSettings returns an empty set of options. env looks up an environment variable; usage goes to out.
func NewSettings(program string, env func(string) string, out io.Writer) *Settings {
	flags := flag.NewFlagSet(program, flag.ContinueOnError)
	flags.SetOutput(out)
	return &Settings{flags: flags, program: program, env: env, required: map[string]string{}}
}

// Text adds an option that is required unless its variable is set.
func (s *Settings) Text(name, variable, usage string) *string {
	value := s.env(variable)
	if value == "" {
		s.required[name] = variable
	}
	return s.flags.String(name, value, fmt.Sprintf("%s (environment: %s)", usage, variable))
}

// Port adds an option for a TCP port, which is required unless its variable is set.
func (s *Settings) Port(name, variable, usage string) *int {
	text, port := s.Text(name, variable, usage), new(int)
	s.checks = append(s.checks, func() error {
		number, err := strconv.ParseUint(*text, 10, 16)
		if err != nil || number == 0 {
			return fmt.Errorf("argument --%s: %q is not a port; use a number from 1 to 65535", name, *text)
		}
		*port = int(number)
		return nil
	})
	return port
}

// Parse parses the arguments. The error of wrong usage is printed with the usage; flag.ErrHelp asks for the usage only.
func (s *Settings) Parse(arguments []string) error {
	if err := s.flags.Parse(arguments); err != nil {
		return err
	}
	err := s.complete()
	if err != nil {
		fmt.Fprintf(s.flags.Output(), "%s: error: %v\n", s.program, err)
	}
	return err
}

func (s *Settings) complete() error {
	if s.flags.NArg() > 0 {
		return fmt.Errorf("unrecognized argument: %s", s.flags.Arg(0))
	}
	given := map[string]bool{}
	s.flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var missing error
	s.flags.VisitAll(func(f *flag.Flag) {
		if variable, required := s.required[f.Name]; required && !given[f.Name] && missing == nil {
			missing = fmt.Errorf("--%s is required; pass it, or set %s", f.Name, variable)
		}
	})
	if missing != nil {
		return missing
	}
	for _, check := range s.checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}
