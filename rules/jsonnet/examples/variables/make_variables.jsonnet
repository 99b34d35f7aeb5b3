[std.extVar('one'), std.extVar('two'), std.extVar('shell'), std.extVar('empty')]
