local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local make(extra) = k.externalSecret({ name: 'login', environment: env, store: 'vault', keys: { password: 'shop/login' } } + extra);

testing.suite({
  'the operator makes a Secret of the same name from the store': {
    actual: make({}).spec,
    expected: {
      refreshInterval: '1h',
      secretStoreRef: { name: 'vault', kind: 'SecretStore' },
      target: { name: 'login', creationPolicy: 'Owner' },
      data: [{ secretKey: 'password', remoteRef: { key: 'shop/login' } }],
    },
  },
  'a store of the cluster, a part of a value, and a type': {
    local spec = make({
      store: { name: 'shared', kind: 'ClusterSecretStore' },
      keys: { user: { key: 'shop/login', property: 'user', version: 'v2' } },
      type: 'kubernetes.io/basic-auth',
    }).spec,
    actual: [spec.secretStoreRef.kind, spec.data, spec.target.template],
    expected: [
      'ClusterSecretStore',
      [{ secretKey: 'user', remoteRef: { key: 'shop/login', property: 'user', version: 'v2' } }],
      { type: 'kubernetes.io/basic-auth' },
    ],
  },
  'the object has no value': {
    actual: [std.objectHas(make({}), field) for field in ['data', 'stringData']],
    expected: [false, false],
  },
})
