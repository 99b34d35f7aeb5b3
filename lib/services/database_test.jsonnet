local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local base = {
  environment: { name: 'prod', namespace: 'prod' },
  service: { name: 'server', port: 50051, ports: { metrics: 9090 } },
  image: 'registry/server@sha256:0',
};
local make(extra) = k.database(base { size: '10Gi', path: '/data', backup: { schedule: '15 3 * * *', args: ['dump'] } } + extra);

testing.suite({
  'one pod has storage where its program expects it': {
    local spec = make({}).statefulset.spec,
    actual: [spec.replicas, spec.volumeClaimTemplates[0].spec.resources.requests.storage, [m.mountPath for m in spec.template.spec.containers[0].volumeMounts if m.name == 'data']],
    expected: [1, '10Gi', ['/data']],
  },
  'copies are written to a claim of their own': {
    local objects = make({}),
    local spec = objects.backup.spec.jobTemplate.spec.template.spec,
    actual: [
      std.objectFields(objects),
      [objects.backupClaim.metadata.name, objects.backupClaim.spec.resources.requests.storage],
      [v.persistentVolumeClaim.claimName for v in spec.volumes if v.name == 'backup'],
      [m.mountPath for m in spec.containers[0].volumeMounts if m.name == 'backup'],
      [[e.name, e.value] for e in spec.containers[0].env],
      [spec.containers[0].image, spec.containers[0].args],
    ],
    expected: [
      ['backup', 'backupClaim', 'nodes', 'service', 'serviceAccount', 'statefulset'],
      ['server-backup', '10Gi'],
      ['server-backup'],
      ['/backup'],
      [['DATABASE_HOST', 'server'], ['DATABASE_PORT', '50051']],
      ['registry/server@sha256:0', ['dump']],
    ],
  },
  'copies need a decision: null is none': {
    actual: std.objectFields(make({ backup: null })),
    expected: ['nodes', 'service', 'serviceAccount', 'statefulset'],
  },
  'copies are of another size and class than the data': {
    local objects = make({ storageClassName: 'fast', backup: { schedule: '@daily', size: '50Gi', storageClassName: 'cheap' } }),
    local claim(o) = [o.spec.storageClassName, o.spec.resources.requests.storage],
    actual: [claim(objects.statefulset.spec.volumeClaimTemplates[0]), claim(objects.backupClaim)],
    expected: [['fast', '10Gi'], ['cheap', '50Gi']],
  },
})
