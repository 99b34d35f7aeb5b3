local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local make(extra) = k.claim({ name: 'data', environment: { name: 'dev', namespace: 'ns' }, size: '1Gi' } + extra);

testing.suite({
  'name, namespace and size': {
    local object = make({}),
    actual: [object.metadata.name, object.metadata.namespace, object.spec],
    expected: ['data', 'ns', { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }],
  },
  'a storage class is written only when given': {
    actual: make({ storageClassName: 'fast' }).spec.storageClassName,
    expected: 'fast',
  },
  'the claim has the label of its service': {
    actual: make({ service: 'registry' }).metadata.labels['app.kubernetes.io/name'],
    expected: 'registry',
  },
  'a copy of another claim, as a block device': {
    local spec = make({ volumeMode: 'Block', volumeName: 'disk-1', dataSource: { kind: 'PersistentVolumeClaim', name: 'old' } }).spec,
    actual: [spec.volumeMode, spec.volumeName, spec.dataSource.name],
    expected: ['Block', 'disk-1', 'old'],
  },
})
