local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local make(extra) = k.horizontalPodAutoscaler({ name: 'server', environment: env, maxReplicas: 5 } + extra).spec;

testing.suite({
  'the Deployment of the service grows with its use of processors': {
    actual: make({}),
    expected: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'server' },
      minReplicas: 2,
      maxReplicas: 5,
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
    },
  },
  'other metrics, and another workload': {
    local queue = { type: 'External', external: { metric: { name: 'queue' }, target: { type: 'Value', value: '10' } } },
    local spec = make({ target: { kind: 'StatefulSet', name: 'db' }, utilization: { memory: 70, cpu: null }, metrics: [queue] }),
    actual: [spec.scaleTargetRef.kind, [m.type for m in spec.metrics], spec.metrics[0].resource.name],
    expected: ['StatefulSet', ['Resource', 'External'], 'memory'],
  },
  'a workload leaves its number to the autoscaler': {
    local object = k.deployment({ name: 's', environment: env, replicas: null, pod: { container: { image: 'i' } } }),
    local stateful = k.statefulset({ name: 's', environment: env, replicas: null, pod: { container: { image: 'i' } } }),
    actual: [std.objectHas(o.spec, 'replicas') for o in [object, stateful]],
    expected: [false, false],
  },
})
