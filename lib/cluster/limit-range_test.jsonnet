local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local make(extra) = k.limitRange({ name: 'defaults', environment: { name: 'dev', namespace: 'ns' } } + extra);

testing.suite({
  'only defaults are set, so that no pod with its own requests and limits is refused': {
    local item = make({}).spec.limits,
    actual: [std.length(item), item[0].type, std.set(std.objectFields(item[0]))],
    expected: [1, 'Container', ['default', 'defaultRequest', 'type']],
  },
  'memory and disk are limited, and processors are not': {
    actual: std.set(std.objectFields(make({}).spec.limits[0].default)),
    expected: ['ephemeral-storage', 'memory'],
  },
  'what is limited is requested in a small part': {
    local item = make({}).spec.limits[0],
    actual: [std.objectHas(item.defaultRequest, name) && item.defaultRequest[name] != item.default[name] for name in std.objectFields(item.default)],
    expected: [true, true],
  },
  'other quantities replace the defaults': {
    actual: make({ limits: { memory: '4Gi' }, requests: { memory: '1Gi' } }).spec.limits,
    expected: [{ type: 'Container', default: { memory: '4Gi' }, defaultRequest: { memory: '1Gi' } }],
  },
  'name and namespace': {
    local object = make({ annotations: { a: 'b' } }),
    actual: [object.metadata.name, object.metadata.namespace, object.metadata.annotations],
    expected: ['defaults', 'ns', { a: 'b' }],
  },
  'bounds of containers, pods and claims': {
    actual: [
      [item.type, std.get(item, 'min'), std.get(item, 'max')]
      for item in make({ max: { memory: '8Gi' }, pods: { max: { cpu: '8' } }, claims: { min: { storage: '1Gi' }, max: { storage: '100Gi' } } }).spec.limits
    ],
    expected: [
      ['Container', null, { memory: '8Gi' }],
      ['Pod', null, { cpu: '8' }],
      ['PersistentVolumeClaim', { storage: '1Gi' }, { storage: '100Gi' }],
    ],
  },
})
