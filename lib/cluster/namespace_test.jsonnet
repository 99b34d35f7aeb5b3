local namespace = import 'lib/cluster/namespace.libsonnet';
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
  'a stricter standard only warns, and standards have a version': {
    local labels = namespace({ name: 'dev', podSecurity: 'baseline', podSecurityWarning: 'restricted', podSecurityVersion: 'v1.32' }).metadata.labels,
    local prefix = 'pod-security.kubernetes.io/',
    actual: { [mode]: [labels[prefix + mode], labels[prefix + mode + '-version']] for mode in ['enforce', 'warn', 'audit'] },
    expected: { enforce: ['baseline', 'v1.32'], warn: ['restricted', 'v1.32'], audit: ['restricted', 'v1.32'] },
  },
})
