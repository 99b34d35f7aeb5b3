package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/go-jsonnet"
	"github.com/google/go-jsonnet/ast"
	"github.com/google/go-jsonnet/astgen"
)

// go-jsonnet's std.format (and the operator %) is a Jsonnet program that takes most of the time of a typical manifest.
// This one formats in Go what is simple: %s of strings, numbers, booleans and null, and %d of whole numbers, with or
// without a width. All else it leaves to go-jsonnet's function, also each error, so that values, messages and the
// order of evaluation are the same.
const fasterFormat = `
local slow = null;
function(str, vals)
  local type = std.type(vals);
  local plan = if type != 'function' && std.type(str) == 'string' then std.native('turnup/format/plan')(str);
  if plan == null || (type == 'object') != (plan[1] != null) then
    slow(str, vals)
  else
    local kinds = plan[0], keys = plan[1];
    local values = if type == 'array' then vals else if type == 'object' then [vals[key] for key in keys] else [vals];
    local fits(i) =
      if i == std.length(kinds) then
        true
      else if type == 'object' && !std.objectHasAll(vals, keys[i]) then
        false
      else
        local found = std.type(values[i]);
        if found == 'number' || (kinds[i] == 's' && (found == 'string' || found == 'boolean' || found == 'null')) then
          fits(i + 1) tailstrict
        else
          false;
    local text = if std.length(values) == std.length(kinds) && fits(0) then std.native('turnup/format/fill')(str, values);
    if text == null then slow(str, vals) else text
`

func init() {
	if err := replaceFormat(); err != nil {
		panic(err)
	}
}

// replaceFormat puts the faster function into the standard library of this process.
func replaceFormat() error {
	node, err := jsonnet.SnippetToAST("<std>", fasterFormat)
	if err != nil {
		return err
	}
	faster, ok := node.(*ast.Local)
	if !ok {
		return fmt.Errorf("the replacement of std.format is a %T", node)
	}
	fields := astgen.StdAst.Fields
	for i := range fields {
		if name, ok := fields[i].Name.(*ast.LiteralString); ok && name.Value == "format" {
			free := append(ast.Identifiers{}, faster.FreeVariables()...)
			faster.SetFreeVariables(append(free, fields[i].Body.FreeVariables()...))
			faster.Binds[0].Body = fields[i].Body
			fields[i].Body = faster
			return nil
		}
	}
	return fmt.Errorf("go-jsonnet has no std.format")
}

// A code is one conversion of a format, after the text in front of it.
type code struct {
	before string
	kind   byte // 's' or 'd'; 0 for the text at the end
	key    string
	width  int
	left   bool
	zero   bool
}

// widest is the largest width that is formatted here. go-jsonnet uses a stack frame for each character that it fills in.
const widest = 99

// parseFormat returns the conversions of a format; ok is false if it has one that is not simple, or an error.
func parseFormat(text string) (codes []code, keyed, ok bool) {
	var before strings.Builder
	for text != "" {
		percent := strings.IndexByte(text, '%')
		if percent < 0 {
			break
		}
		before.WriteString(text[:percent])
		text = text[percent+1:]
		if rest, found := strings.CutPrefix(text, "%"); found {
			before.WriteByte('%')
			text = rest
			continue
		}
		c := code{before: before.String()}
		before.Reset()
		hasKey := strings.HasPrefix(text, "(")
		if hasKey {
			c.key, text, ok = strings.Cut(text[1:], ")")
			// A key with a dot is a path.
			if !ok || strings.ContainsRune(c.key, '.') {
				return nil, false, false
			}
		}
		if len(codes) > 0 && hasKey != keyed {
			return nil, false, false
		}
		keyed = hasKey
		for ; text != "" && (text[0] == '-' || text[0] == '0'); text = text[1:] {
			c.left = c.left || text[0] == '-'
			c.zero = c.zero || text[0] == '0'
		}
		for ; text != "" && text[0] >= '0' && text[0] <= '9' && c.width <= widest; text = text[1:] {
			c.width = 10*c.width + int(text[0]-'0')
		}
		if text == "" || (text[0] != 's' && text[0] != 'd') || c.width > widest {
			return nil, false, false
		}
		c.kind, text = text[0], text[1:]
		codes = append(codes, c)
	}
	return append(codes, code{before: before.String() + text}), keyed, true
}

// plan returns the kinds of a format's values as one string, and their keys, or nil if it is not simple.
func plan(arguments []any) (any, error) {
	text, _ := arguments[0].(string)
	codes, keyed, ok := parseFormat(text)
	if !ok {
		return nil, nil
	}
	var kinds strings.Builder
	var keys []any
	for _, c := range codes[:len(codes)-1] {
		kinds.WriteByte(c.kind)
		keys = append(keys, c.key)
	}
	if !keyed {
		return []any{kinds.String(), nil}, nil
	}
	return []any{kinds.String(), keys}, nil
}

// fill returns a format with its values, or nil if a value is not simple.
func fill(arguments []any) (any, error) {
	text, _ := arguments[0].(string)
	values, _ := arguments[1].([]any)
	codes, _, _ := parseFormat(text)
	var out strings.Builder
	for i, c := range codes {
		out.WriteString(c.before)
		if c.kind == 0 {
			break
		}
		text, ok := c.convert(values[i])
		if !ok {
			return nil, nil
		}
		padding := strings.Repeat(" ", max(0, c.width-utf8.RuneCountInString(text)))
		if c.left {
			text += padding
		} else {
			text = padding + text
		}
		out.WriteString(text)
	}
	return out.String(), nil
}

// convert returns a value as text, without padding by spaces.
func (c code) convert(value any) (string, bool) {
	switch value := value.(type) {
	case string:
		return value, c.kind == 's'
	case bool:
		return strconv.FormatBool(value), c.kind == 's'
	case nil:
		return "null", c.kind == 's'
	case float64:
		whole := value == math.Floor(value)
		if c.kind == 's' {
			if whole {
				return strconv.FormatFloat(value, 'f', 0, 64), true
			}
			return fmt.Sprintf("%.17g", value), true
		}
		if !whole || math.Abs(value) > 1<<53 {
			return "", false
		}
		digits := strconv.FormatFloat(math.Abs(value), 'f', 0, 64)
		sign := ""
		if value < 0 {
			sign = "-"
		}
		if c.zero && !c.left {
			digits = strings.Repeat("0", max(0, c.width-len(sign)-len(digits))) + digits
		}
		return sign + digits, true
	}
	return "", false
}

// addFormat makes what the faster std.format calls known to a VM.
func addFormat(vm *jsonnet.VM) {
	vm.NativeFunction(&jsonnet.NativeFunction{Name: "turnup/format/plan", Params: ast.Identifiers{"text"}, Func: plan})
	vm.NativeFunction(&jsonnet.NativeFunction{Name: "turnup/format/fill", Params: ast.Identifiers{"text", "values"}, Func: fill})
}
