// Tests in Jsonnet.
//
//   testing.suite({
//     'one and one is two': {actual: 1 + 1, expected: 2},
//   })
{
  // Returns {passed: N}, or fails with the name of each case whose actual value
  // is not the expected one, and both values.
  suite(cases)::
    local failures = [
      '%s\n  expected %s\n  actual   %s' % [name, std.toString(cases[name].expected), std.toString(cases[name].actual)]
      for name in std.objectFields(cases)
      if cases[name].actual != cases[name].expected
    ];
    if failures == [] then { passed: std.length(cases) }
    else error '%d of %d cases failed:\n%s' % [std.length(failures), std.length(cases), std.join('\n', failures)],
}
