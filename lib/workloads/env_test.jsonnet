local testing = import 'lib/testing.libsonnet';
local env = import 'lib/workloads/env.libsonnet';

testing.suite({
  'a map becomes a list sorted by name': {
    actual: env.list({ B: 'text', A: 8080, C: true }),
    expected: [{ name: 'A', value: '8080' }, { name: 'B', value: 'text' }, { name: 'C', value: 'true' }],
  },
  'references stay references': {
    actual: env.list({ F: env.field('metadata.name'), G: env.secret('s', 'k'), H: env.config('c', 'k') }),
    expected: [
      { name: 'F', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'G', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
      { name: 'H', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } },
    ],
  },
  'an empty map becomes an empty list': { actual: env.list({}), expected: [] },
})
