// Every way to pass a value to a program.
function(text, code, text_file, code_file, library) {
  external: {
    text: std.extVar('text'),
    code: std.extVar('code'),
    text_file: std.extVar('text_file'),
    code_file: std.extVar('code_file'),
    library: std.extVar('library').double(21),
    make_variable: std.extVar('make_variable'),
  },
  arguments: {
    text: text,
    code: code,
    text_file: text_file,
    code_file: code_file,
    library: library.double(4),
  },
}
