package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/google/go-jsonnet"
)

// A request is one program to evaluate, on one line of JSON.
type request struct {
	Folder   string            `json:"folder"`    // the folder that paths are relative to
	Name     string            `json:"name"`      // the program's path, for its imports and for stack traces
	Text     string            `json:"text"`      // the program
	Files    map[string]string `json:"files"`     // workspace path of each file that may be imported -> the path to read
	Folders  []string          `json:"folders"`   // workspace paths to search after the importing file's folder
	Roots    [][2]string       `json:"roots"`     // other repositories, searched last: the workspace path, and the name in imports
	Binary   []string          `json:"binary"`    // paths to read that need not be UTF-8
	MaxStack int               `json:"max_stack"` // maximum number of stack frames
	ExtVars  map[string]string `json:"ext_vars"`
	ExtCodes map[string]string `json:"ext_codes"`
	TLAVars  map[string]string `json:"tla_vars"`
	TLACodes map[string]string `json:"tla_codes"`
}

// An answer is one line of JSON, followed by the value: Size bytes of JSON text.
type answer struct {
	Size     int      `json:"size"`
	Error    string   `json:"error,omitempty"`    // go-jsonnet's message and stack trace
	Missing  []string `json:"missing,omitempty"`  // the import that failed: the importing file's folder, and the name
	Imported []string `json:"imported,omitempty"` // paths that were read, in order; only with Error
	Trace    string   `json:"trace,omitempty"`    // what std.trace wrote
}

// A file keeps its parsed form in the VM as long as its content is the same, but not longer than cacheBytes allow.
const cacheBytes = 4 << 20

// Percent of the used memory that may be garbage before it is collected. More is hardly faster and takes more memory.
const gcPercent = 400

var (
	repository = regexp.MustCompile(`^external/[^/]+`)
	outputRoot = regexp.MustCompile(`^bazel-out/[^/]+/(?:bin|genfiles)/`)
	errChanged = errors.New("a file has changed")
)

// workspacePath returns the path from the workspace root, as rules/jsonnet/tools/engines/paths.py does.
func workspacePath(name string) string {
	name = outputRoot.ReplaceAllString(path.Clean(name), "")
	if rest, found := strings.CutPrefix(name, "../"); found {
		return "external/" + rest
	}
	return name
}

// An importer resolves imports among the files of the request. It reads each file once in each request.
type importer struct {
	request  *request
	cached   map[string]jsonnet.Contents // by path, for the VM: it keeps what it parsed for each
	bytes    int                         // size of cached
	checked  map[string]bool             // the cached files that were read for this request
	imported []string
	missing  []string
	changed  bool
}

// Import returns a file's content and its path.
func (i *importer) Import(from, name string) (jsonnet.Contents, string, error) {
	folder, _ := path.Split(from)
	for _, candidate := range i.candidates(folder, name) {
		if file, found := i.request.Files[workspacePath(candidate)]; found {
			contents, err := i.read(file)
			if err != nil && err != errChanged {
				break
			}
			return contents, file, err
		}
	}
	i.missing = []string{folder, name}
	return jsonnet.Contents{}, "", fmt.Errorf("%q can't be imported", name)
}

// candidates returns the paths to try for an import, as rules/jsonnet/tools/imports.py does.
func (i *importer) candidates(folder, name string) []string {
	if path.IsAbs(name) {
		return []string{name}
	}
	importing := workspacePath(folder)
	roots := []string{importing}
	if own := repository.FindString(importing); own != "" {
		roots = append(roots, own)
	}
	roots = append(append(roots, i.request.Folders...), ".")
	for _, root := range i.request.Roots {
		roots = append(roots, root[0])
	}
	paths := make([]string, 0, len(roots)+len(i.request.Roots))
	for _, root := range roots {
		paths = append(paths, root+"/"+name)
	}
	named, rest, found := strings.Cut(name, "/")
	for _, root := range i.request.Roots {
		if found && root[1] == named {
			paths = append(paths, root[0]+"/"+rest)
		}
	}
	return paths
}

// read returns a file's content, the same instance as long as the content is the same.
func (i *importer) read(file string) (jsonnet.Contents, error) {
	before, known := i.cached[file]
	if i.checked[file] {
		return before, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return before, err
	}
	if known && !bytes.Equal(before.Data(), content) {
		i.changed = true
		return before, errChanged
	}
	if !utf8.Valid(content) && !contains(i.request.Binary, file) {
		return before, errors.New("not UTF-8")
	}
	if !known {
		before = jsonnet.MakeContentsRaw(content)
		i.cached[file] = before
		i.bytes += len(content)
	}
	i.checked[file] = true
	i.imported = append(i.imported, file)
	return before, nil
}

func contains(list []string, text string) bool {
	for _, each := range list {
		if each == text {
			return true
		}
	}
	return false
}

// An evaluator evaluates one program after the other. Between them it keeps the parsed files, but no values:
// std.trace writes each time, and a program has the same stack depth first and last.
type evaluator struct {
	vm       *jsonnet.VM
	importer *importer
}

func (e *evaluator) reset() {
	e.vm = jsonnet.MakeVM()
	addFormat(e.vm)
	e.vm.ErrorFormatter.SetMaxStackTraceSize(0)
	e.vm.OutputNewline = false
	e.importer = &importer{cached: map[string]jsonnet.Contents{}}
	e.vm.Importer(e.importer)
}

// evaluate returns the answer to a request, and the value.
func (e *evaluator) evaluate(request *request) (answer, string) {
	if e.vm == nil || e.importer.bytes > cacheBytes {
		e.reset()
	}
	if err := os.Chdir(request.Folder); err != nil {
		return answer{Error: "RUNTIME ERROR: " + err.Error()}, ""
	}
	for {
		i := e.importer
		i.request, i.checked, i.imported, i.missing = request, map[string]bool{}, nil, nil
		var trace bytes.Buffer
		e.vm.SetTraceOut(&trace)
		text, err := e.run(request)
		if i.changed {
			e.reset()
			continue
		}
		if err == nil {
			return answer{Trace: trace.String()}, shortNumbers(text)
		}
		message := e.vm.ErrorFormatter.Format(err)
		if strings.HasPrefix(err.Error(), "(CRASH)") {
			e.reset()
		}
		return answer{Error: message, Missing: i.missing, Imported: i.imported, Trace: trace.String()}, ""
	}
}

// run evaluates the program of a request in the VM.
func (e *evaluator) run(request *request) (string, error) {
	vm := e.vm
	vm.MaxStack = request.MaxStack
	vm.ExtReset() // and no values of imported files are left
	vm.TLAReset()
	for name, value := range request.ExtVars {
		vm.ExtVar(name, value)
	}
	for name, code := range request.ExtCodes {
		vm.ExtCode(name, code)
	}
	for name, value := range request.TLAVars {
		vm.TLAVar(name, value)
	}
	for name, code := range request.TLACodes {
		vm.TLACode(name, code)
	}
	node, err := jsonnet.SnippetToAST(request.Name, request.Text)
	if err != nil {
		return "", err
	}
	return vm.Evaluate(node)
}

// shortNumbers returns a value with its numbers in the shortest form that has no exponent: 0.1 and not
// 0.10000000000000001. A number is at the end of its line, where a string has its quote.
func shortNumbers(text string) string {
	var out strings.Builder
	done := 0
	for start := 0; start < len(text); {
		end := strings.IndexByte(text[start:], '\n')
		if end < 0 {
			end = len(text)
		} else {
			end += start
		}
		last := end
		if last > start && text[last-1] == ',' {
			last--
		}
		first := last
		for first > start && strings.IndexByte("0123456789.e+-", text[first-1]) >= 0 {
			first--
		}
		if number := text[first:last]; number != "" && number[0] != 'e' && (len(number) > 15 || strings.ContainsAny(number, ".e")) {
			if value, err := strconv.ParseFloat(number, 64); err == nil {
				if out.Cap() == 0 {
					out.Grow(len(text))
				}
				out.WriteString(text[done:first])
				out.WriteString(strconv.FormatFloat(value, 'f', -1, 64))
				done = last
			}
		}
		start = end + 1
	}
	if done == 0 {
		return text
	}
	out.WriteString(text[done:])
	return out.String()
}

// serve answers requests until the input ends or the parent process does, and returns the exit code.
func serve(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	parent, err := strconv.Atoi(args[0])
	if err != nil || len(args) != 1 {
		fmt.Fprintln(stderr, usage)
		return 2
	}
	// An endless program does not read its input, so the kernel ends it with its parent.
	syscall.Syscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
	if os.Getppid() != parent {
		return 1
	}
	// A program of some hundred objects allocates more than it keeps, so collecting less often halves its time.
	debug.SetGCPercent(gcPercent)
	in, out := bufio.NewReaderSize(stdin, 1<<16), bufio.NewWriterSize(stdout, 1<<16)
	var e evaluator
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return 0
		}
		var request request
		if err == nil {
			err = json.Unmarshal(line, &request)
		}
		if err != nil {
			fail(stderr, fmt.Errorf("a request is not one line of JSON: %w", err))
			return 1
		}
		answer, value := e.evaluate(&request)
		answer.Size = len(value)
		head, err := json.Marshal(answer)
		if err == nil {
			_, err = out.Write(append(head, '\n'))
		}
		if err == nil {
			_, err = out.WriteString(value)
		}
		if err == nil {
			err = out.Flush()
		}
		if err != nil {
			fail(stderr, err)
			return 1
		}
	}
}
