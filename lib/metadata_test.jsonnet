local metadata = import 'lib/metadata.libsonnet';
local testing = import 'lib/testing.libsonnet';

testing.suite({
  'the selector is part of the labels': {
    local labels = metadata.labels('server'),
    actual: { [name]: labels[name] for name in std.objectFields(metadata.selector('server')) },
    expected: metadata.selector('server'),
  },
  'the instance is the name unless it is given': {
    local instance(extra) = metadata.labels('s', metadata.recommended(extra))['app.kubernetes.io/instance'],
    actual: [instance({}), instance({ instance: 'blue' })],
    expected: ['s', 'blue'],
  },
  'recommended labels that are not given are left out': {
    actual: metadata.recommended({ version: 'v1.2_3', partOf: 'shop' }),
    expected: { 'app.kubernetes.io/version': 'v1.2_3', 'app.kubernetes.io/part-of': 'shop' },
  },
  'extra labels are added, but not to the selector': {
    actual: [metadata.labels('s', { team: 'a' }).team, std.objectHas(metadata.selector('s'), 'team')],
    expected: ['a', false],
  },
  'an object in an environment gets its namespace': {
    actual: metadata.metadata('c', 'n', 's', { name: 'myns', namespace: 'ada' }).namespace,
    expected: 'ada',
  },
  'an object without an environment has no namespace': {
    actual: std.objectHas(metadata.metadata('c', 'n', 's', null), 'namespace'),
    expected: false,
  },
  'a name of 63 characters is valid': {
    local name = std.join('', std.repeat(['a'], 63)),
    actual: metadata.checkName('c', name),
    expected: name,
  },
  'an object belongs to the service of its own name unless it names another': {
    actual: [metadata.serviceOf({ name: 'n', service: service }) for service in [null, 's']],
    expected: ['n', 's'],
  },
})
