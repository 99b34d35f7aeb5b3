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
  'the name that was probably meant': {
    local known = ['replicas', 'strategy', 'mounts', 'environment', 'ports'],
    actual: [params.nearest(name, known) for name in ['replica', 'Replicas', 'prots', 'strategie']],
    expected: ['replicas', 'replicas', 'ports', 'strategy'],
  },
  'the name that other tools use': {
    actual: [params.nearest(name, ['mounts', 'environment']) for name in ['volumeMounts', 'namespace']],
    expected: ['mounts', 'environment'],
  },
  'nothing is offered that the component lacks or that hardly resembles it': {
    actual: [params.nearest(name, ['ports', 'env']) for name in ['volumeMounts', 'x', 'replicas', '']],
    expected: [null, null, null, null],
  },
  'one of several values, or null if that is one of them': {
    actual: [params.oneOf('c', 'a', [null, 'TCP', 'UDP'], value) for value in ['UDP', null]],
    expected: ['UDP', null],
  },
  'null stays null, and other values are converted': {
    actual: [params.optional(value, function(v) v + 1) for value in [null, 1]],
    expected: [null, 2],
  },
})
