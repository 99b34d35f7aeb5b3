local testing = import 'lib/testing.libsonnet';
local statefulset = import 'lib/workloads/statefulset.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local make(extra={}) =
  statefulset({ name: 's', environment: env, pod: { container: { image: 'i', mounts: { data: '/data' } } } } + extra).spec;

testing.suite({
  'the headless Service is NAME-nodes unless serviceName is given': {
    actual: [make().serviceName, make({ serviceName: 'peers' }).serviceName],
    expected: ['s-nodes', 'peers'],
  },
  'each pod gets its own claim, which outlives the StatefulSet': {
    local spec = make({ storage: { data: { size: '1Gi' } } }),
    actual: [spec.volumeClaimTemplates[0], spec.persistentVolumeClaimRetentionPolicy.whenDeleted],
    expected: [
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
      'Retain',
    ],
  },
  'a storage class is written only when given': {
    actual: make({ storage: { data: { size: '1Gi', storageClassName: 'fast' } } }).volumeClaimTemplates[0].spec.storageClassName,
    expected: 'fast',
  },
})
