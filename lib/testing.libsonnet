// A test runner for Jsonnet.
//
//   testing.suite({
//     'one and one is two': {actual: 1 + 1, expected: 2},
//   })
{
  // Returns {passed: N}. Fails if a case's actual and expected values differ, and lists
  // each such case with both values.
  suite(cases)::
    local failures = [
      '%s\n  expected %s\n  actual   %s' % [name, std.toString(cases[name].expected), std.toString(cases[name].actual)]
      for name in std.objectFields(cases)
      if cases[name].actual != cases[name].expected
    ];
    if failures == [] then { passed: std.length(cases) }
    else error '%d of %d cases failed:\n%s' % [std.length(failures), std.length(cases), std.join('\n', failures)],
}
