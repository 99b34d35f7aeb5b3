local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local make(extra) = k.serviceAccount({ name: 'server', environment: env } + extra);

testing.suite({
  'an account gives its pods no token unless it is told to': {
    actual: [make(e).automountServiceAccountToken for e in [{}, { automountServiceAccountToken: true }]],
    expected: [false, true],
  },
  'name, namespace and the label of its service': {
    local m = make({ service: 'shop' }).metadata,
    actual: [m.name, m.namespace, m.labels['app.kubernetes.io/name']],
    expected: ['server', 'ns', 'shop'],
  },
  'pull secrets are names': {
    actual: make({ imagePullSecrets: ['login'] }).imagePullSecrets,
    expected: [{ name: 'login' }],
  },
})
