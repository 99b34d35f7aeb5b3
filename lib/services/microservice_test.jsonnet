local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local base = {
  environment: { name: 'dev', namespace: 'dev' },
  service: { name: 'server', port: 50051, ports: { metrics: 9090 } },
  image: 'registry/server@sha256:0',
};

testing.suite({
  'the smallest service has a Deployment, a Service and a ServiceAccount': {
    actual: std.objectFields(k.microservice(base)),
    expected: ['deployment', 'service', 'serviceAccount'],
  },
  'several replicas add a disruption budget, and files a ConfigMap': {
    actual: std.objectFields(k.microservice(base { replicas: 2, config: { 'a.txt': 'x' } })),
    expected: ['configMap', 'deployment', 'disruptionBudget', 'service', 'serviceAccount'],
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
    expected: [['nodes', 'service', 'serviceAccount', 'statefulset'], true, 'None', 'server'],
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
  'there are two replicas where one is not enough, unless a number is given': {
    local replicas(env, extra={}) = k.microservice(base { environment: { name: env, namespace: env } } + extra).deployment.spec.replicas,
    actual: [replicas(env) for env in ['prod', 'staging', 'dev', 'setup']] + [replicas('prod', { replicas: 1 })],
    expected: [2, 2, 1, 1, 1],
  },
  'an autoscaler sets the number of pods, and has a budget': {
    local objects = k.microservice(base { autoscaling: { maxReplicas: 5 } }),
    actual: [
      std.objectHas(objects.deployment.spec, 'replicas'),
      objects.autoscaler.spec.scaleTargetRef,
      objects.autoscaler.spec.minReplicas,
      std.objectHas(objects, 'disruptionBudget'),
    ],
    expected: [false, { apiVersion: 'apps/v1', kind: 'Deployment', name: 'server' }, 1, true],
  },
  'a budget is switched off, or changed': {
    actual: [
      std.objectHas(k.microservice(base { replicas: 2, disruptionBudget: null }), 'disruptionBudget'),
      k.microservice(base { replicas: 4, disruptionBudget: { maxUnavailable: '50%' } }).disruptionBudget.spec.maxUnavailable,
    ],
    expected: [false, '50%'],
  },
  'pods have an own account without a token, another one, or the default one': {
    local account(extra) =
      local objects = k.microservice(base + extra);
      [std.get(objects.deployment.spec.template.spec, 'serviceAccountName'), std.objectHas(objects, 'serviceAccount')],
    actual: [
      account(extra)
      for extra in [{}, { serviceAccount: { imagePullSecrets: ['login'] } }, { serviceAccount: 'shared' }, { pod: { serviceAccountName: 'shared' } }, { serviceAccount: false }]
    ],
    expected: [['server', true], ['server', true], ['shared', false], ['shared', false], [null, false]],
  },
  'the account gives no token': {
    local account = k.microservice(base).serviceAccount,
    actual: [account.metadata.name, account.automountServiceAccountToken],
    expected: ['server', false],
  },
  'recommended labels are on objects and pods, and never in a selector': {
    local objects = k.microservice(base { version: '1.2.3', component: 'api', partOf: 'shop', instance: 'server-eu', replicas: 2 }),
    local own(labels) = [labels['app.kubernetes.io/' + name] for name in ['name', 'instance', 'version', 'component', 'part-of', 'managed-by']],
    actual: [own(l) for l in [objects.service.metadata.labels, objects.deployment.spec.template.metadata.labels]]
            + [objects.deployment.spec.selector.matchLabels, objects.service.spec.selector, objects.disruptionBudget.spec.selector.matchLabels],
    expected: std.repeat([['server', 'server-eu', '1.2.3', 'api', 'shop', 'turnup']], 2) + std.repeat([{ 'app.kubernetes.io/name': 'server' }], 3),
  },
  'spread and drain reach the pods': {
    local spec = k.microservice(base { spread: { zone: 'DoNotSchedule', node: null }, drainSeconds: 7 }).deployment.spec.template.spec,
    actual: [[[c.topologyKey, c.whenUnsatisfiable] for c in spec.topologySpreadConstraints], spec.containers[0].lifecycle],
    expected: [[['topology.kubernetes.io/zone', 'DoNotSchedule']], { preStop: { sleep: { seconds: 7 } } }],
  },
})
