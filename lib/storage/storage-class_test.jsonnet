local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local make(extra) = k.storageClass({ name: 'fast', provisioner: 'example.com/disk' } + extra);

testing.suite({
  'volumes are made where the pod runs, and deleted with their claim': {
    local object = make({}),
    actual: [object.provisioner, object.volumeBindingMode, object.reclaimPolicy, std.objectHas(object.metadata, 'annotations')],
    expected: ['example.com/disk', 'WaitForFirstConsumer', 'Delete', false],
  },
  'the default class has the annotation': {
    actual: make({ default: true, annotations: { a: 'b' } }).metadata.annotations,
    expected: { 'storageclass.kubernetes.io/is-default-class': 'true', a: 'b' },
  },
  'settings are written as they are': {
    local object = make({ parameters: { type: 'ssd' }, allowVolumeExpansion: true, mountOptions: ['noatime'], reclaimPolicy: 'Retain' }),
    actual: [object.parameters, object.allowVolumeExpansion, object.mountOptions, object.reclaimPolicy],
    expected: [{ type: 'ssd' }, true, ['noatime'], 'Retain'],
  },
})
