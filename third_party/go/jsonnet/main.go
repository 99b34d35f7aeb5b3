// Command jsonnet-tools formats and lints Jsonnet files with the packages of
// go-jsonnet, at the version that go.mod pins.
//
//	jsonnet-tools check [-advice COMMAND] FILE...    fails if a file is not as fix would write it
//	jsonnet-tools fix FILE|FOLDER...                 formats in place; a folder stands for all Jsonnet files below it
//	jsonnet-tools lint [-J FOLDER]... FILE...
//	jsonnet-tools evaluate PARENT                    answers requests of the process PARENT, see evaluate.go
//
// After --, a word that begins with a hyphen is a name. -advice is the
// command that check tells the user to run.
//
// Exit codes: 0 all is well, 1 something was found, 2 wrong usage.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-jsonnet"
	"github.com/google/go-jsonnet/formatter"
	"github.com/google/go-jsonnet/linter"
)

const usage = "usage: jsonnet-tools check [-advice COMMAND] FILE... | fix FILE|FOLDER... | lint [-J FOLDER]... FILE..."

// defaultAdvice is the command that formats the files of a workspace with these rules.
const defaultAdvice = "bazel run //rules/jsonnet:fmt"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, printable{os.Stderr}))
}

// printable writes control characters as escapes, because messages quote source text and file names.
type printable struct{ io.Writer }

func (p printable) Write(text []byte) (int, error) {
	var out strings.Builder
	for _, character := range string(text) {
		if (unicode.IsControl(character) && character != '\n' && character != '\t') || unicode.Is(unicode.Bidi_Control, character) {
			fmt.Fprintf(&out, "\\u%04x", character)
		} else {
			out.WriteRune(character)
		}
	}
	_, err := io.WriteString(p.Writer, out.String())
	return len(text), err
}

// run does what the arguments say and returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) < 2 {
		fmt.Fprintln(stderr, usage)
		return 2
	}
	command, args := args[0], args[1:]
	if command == "evaluate" {
		return serve(args, os.Stdin, stdout, stderr)
	}
	advice := defaultAdvice
	if command == "check" && len(args) >= 2 && args[0] == "-advice" {
		advice, args = args[1], args[2:]
	}
	names := args
	if len(names) > 0 && names[0] == "--" {
		names = names[1:]
	}
	switch {
	case command == "check" && len(names) > 0:
		return check(names, advice, stderr)
	case command == "fix" && len(names) > 0:
		return fix(names, stdout, stderr)
	case command == "lint":
		return lint(args, stderr)
	}
	fmt.Fprintln(stderr, usage)
	return 2
}

// format returns a file's text and that text formatted.
func format(file string) (before, after string, err error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	if !utf8.Valid(content) {
		// The formatter would put U+FFFD in place of each such byte.
		return "", "", fmt.Errorf("%s is not UTF-8 text", file)
	}
	after, err = formatter.Format(file, string(content), formatter.DefaultOptions())
	return string(content), after, err
}

// fail prints one sentence, whatever lines the error has.
func fail(stderr io.Writer, err error) {
	first, _, _ := strings.Cut(err.Error(), "\n")
	fmt.Fprintf(stderr, "ERROR: %s; correct it\n", first)
}

// reason returns the first line of an error without the file's name at its start.
func reason(file string, err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	rest := strings.TrimPrefix(first, file)
	if strings.HasPrefix(rest, " is ") {
		return "it" + rest
	}
	if position, found := strings.CutPrefix(rest, ":"); found {
		return "line " + position
	}
	return first
}

func check(files []string, advice string, stderr io.Writer) int {
	code := 0
	for _, file := range files {
		before, after, err := format(file)
		switch {
		case err != nil:
			fail(stderr, err)
			code = 1
		case before != after:
			fmt.Fprintf(stderr, "ERROR: %s:%d is not formatted; run %s\n", file, firstDifference(before, after), advice)
			code = 1
		}
	}
	return code
}

// firstDifference returns the number of the first line in which two texts differ.
func firstDifference(before, after string) int {
	line := 1
	for i := 0; i < len(before) && i < len(after) && before[i] == after[i]; i++ {
		if before[i] == '\n' {
			line++
		}
	}
	return line
}

func fix(paths []string, stdout, stderr io.Writer) int {
	code := 0
	for _, path := range paths {
		err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			name := entry.Name()
			if entry.IsDir() && strings.HasPrefix(name, ".") && name != "." && name != ".." {
				return filepath.SkipDir
			}
			jsonnetFile := strings.HasSuffix(name, ".jsonnet") || strings.HasSuffix(name, ".libsonnet")
			// Links are not followed: bazel-out leads out of the repository.
			if !entry.Type().IsRegular() || !jsonnetFile {
				if file == path && !entry.IsDir() {
					return fmt.Errorf("%s is not a regular .jsonnet or .libsonnet file", file)
				}
				return nil
			}
			before, after, err := format(file)
			var unread *fs.PathError
			if errors.As(err, &unread) || (err != nil && file == path) {
				fail(stderr, err)
				code = 1
				return nil
			}
			if err != nil {
				// A folder may have a program that is wrong on purpose. A file that the user names must be formatted.
				fmt.Fprintf(stderr, "skipped %s: %s\n", file, reason(file, err))
				return nil
			}
			if before != after {
				fmt.Fprintf(stdout, "formatted %s\n", file)
				return replace(file, after)
			}
			return nil
		})
		if err != nil {
			fail(stderr, err)
			code = 1
		}
	}
	return code
}

// replace writes a file so that a reader sees the old text or the new one, never a part.
func replace(file, text string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	_, err = temporary.WriteString(text)
	err = errors.Join(err, temporary.Chmod(info.Mode().Perm()), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}

func lint(args []string, stderr io.Writer) int {
	var folders []string
	for len(args) >= 2 && args[0] == "-J" {
		folders, args = append(folders, args[1]), args[2:]
	}
	vm := jsonnet.MakeVM()
	// The importer searches the last folder first.
	searched := make([]string, 0, len(folders))
	for i := len(folders) - 1; i >= 0; i-- {
		searched = append(searched, folders[i])
	}
	vm.Importer(&jsonnet.FileImporter{JPaths: searched})
	code := 0
	for _, file := range args {
		content, err := os.ReadFile(file)
		if err != nil {
			fail(stderr, err)
			code = 1
			continue
		}
		var found bytes.Buffer
		if linter.LintSnippet(vm, &found, []linter.Snippet{{FileName: file, Code: string(content)}}) {
			// Each finding is a sentence, and below it the source in question.
			fmt.Fprint(stderr, found.String())
			code = 1
		}
	}
	return code
}
