local namespace = import 'lib/namespace.libsonnet';
local testing = import 'lib/testing.libsonnet';

testing.suite({
  'pods must be restricted unless asked otherwise': {
    local enforced(given) = namespace({ name: 'dev' } + given).metadata.labels['pod-security.kubernetes.io/enforce'],
    actual: [enforced({}), enforced({ podSecurity: 'baseline' })],
    expected: ['restricted', 'baseline'],
  },
  'a namespace is in no namespace': {
    actual: std.objectHas(namespace({ name: 'dev' }).metadata, 'namespace'),
    expected: false,
  },
})
