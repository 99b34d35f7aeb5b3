local namespace = import 'lib/namespace.libsonnet';
local testing = import 'lib/testing.libsonnet';

testing.suite({
  'the restricted standard is enforced unless another one is chosen': {
    local enforced(given) = namespace({ name: 'dev' } + given).metadata.labels['pod-security.kubernetes.io/enforce'],
    actual: [enforced({}), enforced({ podSecurity: 'baseline' })],
    expected: ['restricted', 'baseline'],
  },
  'a Namespace has no metadata.namespace': {
    actual: std.objectHas(namespace({ name: 'dev' }).metadata, 'namespace'),
    expected: false,
  },
})
