// Workloads: an agent on each node, a service that grows with its load, a Job that loads data, and a report each night.
local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images)
  local name = service.name;
  local container = { image: images.server, env: { REDIS_HOST: deps.redis.host } };
  {
    deployment: k.deployment({
      name: name,
      environment: env,
      replicas: null,
      pod: { container: container { ports: { main: service.port }, readinessProbe: k.probes.grpc(service.port) } },
    }),
    autoscaler: k.horizontalPodAutoscaler({ name: name, environment: env, minReplicas: 2, maxReplicas: k.perEnvironment(env, { prod: 10, default: 3 }) }),
    budget: k.disruptionBudget({ name: name, environment: env, unhealthyPodEvictionPolicy: 'AlwaysAllow' }),
    statefulset: k.statefulset({
      name: name + '-cache',
      environment: env,
      pod: { container: container { mounts: { data: '/data' } } },
      storage: { data: { size: '1Gi' } },
    }),
    agent: k.daemonset({
      name: name + '-agent',
      environment: env,
      pod: { container: container, tolerations: [{ operator: 'Exists' }] },
    }),
    load: k.job({ name: name + '-load', service: name, environment: env, pod: { container: container { args: ['load'] } } }),
    report: k.cronJob({
      name: name + '-report',
      service: name,
      environment: env,
      schedule: '30 2 * * *',
      pod: { container: container { args: ['report'] } },
    }),
  }
