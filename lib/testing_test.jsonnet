local testing = import 'lib/testing.libsonnet';

assert testing.suite({}) == { passed: 0 };
testing.suite({ 'equal values pass': { actual: [1, { a: 2 }], expected: [1, { a: 2 }] } })
