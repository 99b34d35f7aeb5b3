local params = import 'lib/params.libsonnet';
local testing = import 'lib/testing.libsonnet';

testing.suite({
  'given values replace defaults': {
    actual: params.merge('c', { a: 1, b: 2 }, { b: 3 }),
    expected: { a: 1, b: 3 },
  },
  'a missing parameter that is never evaluated is not an error': {
    actual: params.merge('c', { a: params.required('c', 'a'), b: 2 }, {}).b,
    expected: 2,
  },
  'a value of the right type is returned unchanged': {
    actual: params.typed('c', 'a', 'number', 5),
    expected: 5,
  },
  'compact drops null, [] and {} fields, and only those': {
    actual: params.compact({ a: null, b: [], c: {}, d: 0, e: '', f: false, g: [null] }),
    expected: { d: 0, e: '', f: false, g: [null] },
  },
})
