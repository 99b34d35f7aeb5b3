local testing = import 'lib/testing.libsonnet';

testing.suite({
  good: { actual: 1, expected: 1 },
  bad: { actual: [1], expected: 2 },
})
