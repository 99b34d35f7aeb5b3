local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local base = {
  environment: { name: 'dev', namespace: 'dev' },
  service: { name: 'server', port: 50051, ports: { metrics: 9090 } },
  image: 'registry/server@sha256:0',
};

testing.suite({
  'the smallest service has a Deployment and a Service': {
    actual: std.objectFields(k.microservice(base)),
    expected: ['deployment', 'service'],
  },
  'several replicas add a disruption budget, and files a ConfigMap': {
    actual: std.objectFields(k.microservice(base { replicas: 2, config: { 'a.txt': 'x' } })),
    expected: ['configMap', 'deployment', 'disruptionBudget', 'service'],
  },
  'name and ports come from service.yaml': {
    local objects = k.microservice(base { portName: 'grpc' }),
    actual: [
      objects.deployment.metadata.name,
      [p.name for p in objects.deployment.spec.template.spec.containers[0].ports],
      [[p.name, p.port, p.targetPort] for p in objects.service.spec.ports],
    ],
    expected: ['server', ['grpc', 'metrics'], [['grpc', 50051, 'grpc'], ['metrics', 9090, 'metrics']]],
  },
  'every selector selects the pods': {
    local objects = k.microservice(base { replicas: 2 }),
    local labels = objects.deployment.spec.template.metadata.labels,
    actual: [
      [labels[name] == selector[name] for name in std.objectFields(selector)]
      for selector in [
        objects.deployment.spec.selector.matchLabels,
        objects.service.spec.selector,
        objects.disruptionBudget.spec.selector.matchLabels,
      ]
    ],
    expected: [[true], [true], [true]],
  },
  'files are mounted from the generated ConfigMap': {
    local objects = k.microservice(base { config: { a: 1 } }),
    actual: [v.configMap.name for v in objects.deployment.spec.template.spec.volumes if v.name == 'config'],
    expected: [objects.configMap.metadata.name],
  },
  'annotations and labels of the pod are added to the common ones': {
    local objects = k.microservice(base {
      config: { a: 1 },
      labels: { team: 'a' },
      pod: { annotations: { note: 'n' }, labels: { tier: 't' } },
    }),
    local metadata = objects.deployment.spec.template.metadata,
    actual: [std.objectFields(metadata.annotations), metadata.labels.team, metadata.labels.tier],
    expected: [['note'], 'a', 't'],
  },
  'a stateful service has a StatefulSet and a headless Service for its pods': {
    local objects = k.statefulMicroservice(base { storage: { data: { size: '1Gi' } }, mounts: { data: '/data' } }),
    actual: [
      std.objectFields(objects),
      objects.nodes.metadata.name == objects.statefulset.spec.serviceName,
      objects.nodes.spec.clusterIP,
      objects.service.metadata.name,
    ],
    expected: [['nodes', 'service', 'statefulset'], true, 'None', 'server'],
  },
  'overrides reach container, pod, Service and workload': {
    local objects = k.microservice(base {
      container: { lifecycle: { preStop: {} } },
      pod: { terminationGracePeriodSeconds: 5 },
      serviceOverrides: { type: 'NodePort' },
      workload: { minReadySeconds: 7 },
    }),
    local spec = objects.deployment.spec,
    actual: [
      spec.template.spec.containers[0].lifecycle,
      spec.template.spec.terminationGracePeriodSeconds,
      objects.service.spec.type,
      spec.minReadySeconds,
    ],
    expected: [{ preStop: {} }, 5, 'NodePort', 7],
  },
  'an object can be patched': {
    local objects = k.microservice(base) + { deployment+: { spec+: { paused: true } } },
    actual: [objects.deployment.spec.paused, objects.deployment.spec.replicas],
    expected: [true, 1],
  },
})
