local params = import 'lib/params.libsonnet';
local testing = import 'lib/testing.libsonnet';

testing.suite({
  'given values win, defaults fill in': {
    actual: params.merge('c', { a: 1, b: 2 }, { b: 3 }),
    expected: { a: 1, b: 3 },
  },
  'a missing parameter that nobody reads is no error': {
    actual: params.merge('c', { a: params.required('c', 'a'), b: 2 }, {}).b,
    expected: 2,
  },
  'a typed value passes through': {
    actual: params.typed('c', 'a', 'number', 5),
    expected: 5,
  },
  'compact drops what is absent or empty, and only that': {
    actual: params.compact({ a: null, b: [], c: {}, d: 0, e: '', f: false, g: [null] }),
    expected: { d: 0, e: '', f: false, g: [null] },
  },
})
