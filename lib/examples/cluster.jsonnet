// A team's namespace with its bounds, a class of pods that can wait, and a kind of resource of its own.
local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images)
  local team = { name: env.name, namespace: env.name + '-payments' };
  {
    namespace: k.namespace({ name: team.namespace, podSecurityVersion: 'v1.32' }),
    limits: k.limitRange({ name: 'defaults', environment: team, claims: { max: { storage: '100Gi' } } }),
    quota: k.resourceQuota({
      name: 'all',
      environment: team,
      hard: { pods: k.perEnvironment(env, { prod: 200, default: 50 }), 'requests.memory': '64Gi', 'requests.storage': '1Ti' },
    }),
    priority: k.priorityClass({ name: 'batch', value: -100, description: 'Work that can wait for an hour.', preemptionPolicy: 'Never' }),
    definition: k.customResourceDefinition({ manifest: importstr 'widgets.yaml', annotations: { 'turnup/on-remove': 'keep' } }),
  }
