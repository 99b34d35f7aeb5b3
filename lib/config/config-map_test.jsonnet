local configMap = import 'lib/config/config-map.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local object = configMap({ name: 'c', service: 's', environment: env, data: { text: 'as it is', value: { a: [1] } } });

testing.suite({
  'text is unchanged, and other values become JSON': {
    actual: object.data,
    expected: { text: 'as it is', value: '{\n  "a": [\n    1\n  ]\n}\n' },
  },
  'the ConfigMap has the label of its service': {
    actual: object.metadata.labels['app.kubernetes.io/name'],
    expected: 's',
  },
  'empty data is written': {
    actual: configMap({ name: 'c', environment: env, data: {} }).data,
    expected: {},
  },
  'bytes are base64': {
    actual: configMap({ name: 'c', environment: env, data: {}, binaryData: { logo: 'eA==' } }).binaryData,
    expected: { logo: 'eA==' },
  },
})
