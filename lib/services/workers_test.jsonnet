local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local base = {
  environment: { name: 'prod', namespace: 'prod' },
  service: { name: 'server', port: 50051, ports: { metrics: 9090 } },
  image: 'registry/server@sha256:0',
};

testing.suite({
  'a worker has no port, and so no Service and nothing to drain': {
    local objects = k.worker(base { autoscaling: { maxReplicas: 4 }, config: { 'a.txt': 'x' } }),
    local c = objects.deployment.spec.template.spec.containers[0],
    actual: [std.objectFields(objects), std.objectHas(c, 'ports'), std.objectHas(c, 'lifecycle')],
    expected: [['autoscaler', 'configMap', 'deployment', 'disruptionBudget', 'serviceAccount'], false, false],
  },
  'a program that runs by a schedule': {
    local objects = k.cronWorker(base { schedule: '@daily', args: ['report'], job: { concurrencyPolicy: 'Replace' } }),
    local spec = objects.cronJob.spec,
    actual: [
      std.objectFields(objects),
      objects.cronJob.metadata.name,
      [spec.schedule, spec.concurrencyPolicy],
      spec.jobTemplate.spec.template.spec.containers[0].args,
      spec.jobTemplate.spec.template.spec.serviceAccountName,
    ],
    expected: [['cronJob', 'serviceAccount'], 'server', ['@daily', 'Replace'], ['report'], 'server'],
  },
  'a migration runs once for each digest of its image': {
    local objects = k.migration(base { args: ['migrate'], job: { backoffLimit: 0 } }),
    local job = objects.job,
    actual: [
      std.objectFields(objects),
      [job.metadata.name, job.metadata.labels['app.kubernetes.io/name'], job.metadata.annotations['turnup/on-immutable']],
      [job.spec.backoffLimit, std.objectHas(job.spec, 'ttlSecondsAfterFinished')],
      job.spec.template.metadata.labels['app.kubernetes.io/name'],
    ],
    expected: [['job', 'serviceAccount'], ['server-migration', 'server', 'recreate'], [0, false], 'server-migration'],
  },
  'a service and its migration are one set of objects': {
    actual: std.objectFields(k.grpcService(base) + k.migration(base)),
    expected: ['deployment', 'disruptionBudget', 'job', 'service', 'serviceAccount'],
  },
})
