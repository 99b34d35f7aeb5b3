local environment = import 'lib/environment.libsonnet';
local testing = import 'lib/testing.libsonnet';

local prod = { name: 'prod', namespace: 'prod' };
local mine = { name: 'myns', namespace: 'ada' };

testing.suite({
  'the value of the environment itself': {
    actual: environment.perEnvironment(prod, { prod: 3, default: 1 }),
    expected: 3,
  },
  'other environments get the default': {
    actual: environment.perEnvironment(mine, { prod: 3, default: 1 }),
    expected: 1,
  },
  'the name of the environment decides, not its namespace': {
    actual: environment.perEnvironment(mine, { myns: 'm', default: 'd' }),
    expected: 'm',
  },
  'null is a value': {
    actual: environment.perEnvironment(prod, { prod: null, default: 1 }),
    expected: null,
  },
  'an overlay is merged over the common values': {
    actual: environment.overlay(prod, { default: { a: 1, b: { c: 1, d: 1 } }, prod: { b: { c: 2 } } }),
    expected: { a: 1, b: { c: 2, d: 1 } },
  },
  'an overlay of another environment changes nothing': {
    actual: environment.overlay(mine, { default: { a: 1 }, prod: { a: 2 } }),
    expected: { a: 1 },
  },
})
