local generatedSecret = import 'lib/config/generated-secret.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local object = generatedSecret({ name: 'login', service: 's', environment: env, keys: ['admin', 'user'], annotations: { team: 'a' } });

testing.suite({
  'the annotation lists the keys': {
    actual: object.metadata.annotations,
    expected: { 'turnup/generate': 'admin, user', team: 'a' },
  },
  'the Secret has the labels of its service, and no value': {
    actual: [object.metadata.labels['app.kubernetes.io/name'], std.objectHas(object, 'data'), std.objectHas(object, 'stringData')],
    expected: ['s', false, false],
  },
  'the service is the name by default': {
    actual: generatedSecret({ name: 'login', environment: env, keys: ['a'] }).metadata.labels['app.kubernetes.io/name'],
    expected: 'login',
  },
})
