// A Redis Cluster of six nodes: three masters, each with a replica.
//
// Pods start together (Parallel) and find each other before they are ready, so
// that the agents can form the cluster; they are ready once CLUSTER INFO says
// cluster_state:ok. Each keeps nodes.conf and its data on a volume of its own.
local k = import 'lib/k8s.libsonnet';

local size = 6;
local statusPort = 8080;

function(env, service, deps, images)
  local name = service.name;
  local app = k.statefulMicroservice({
    environment: env,
    service: service { ports: { status: statusPort } },
    image: images.redis,
    replicas: size,
    env: {
      POD_NAME: k.env.field('metadata.name'),
      POD_NAMESPACE: k.env.field('metadata.namespace'),
      POD_IP: k.env.field('status.podIP'),
      NODE_NAME: k.env.field('spec.nodeName'),
      CLUSTER_SIZE: size,
      NODES_SERVICE: name + '-nodes',
      PORT: service.port,
      STATUS_PORT: statusPort,
      MAX_MEMORY: '48mb',
    },
    readinessProbe: k.probes.http('/ready', 'status', { periodSeconds: 1, failureThreshold: 2 }),
    // A cluster that is down is no reason to restart its nodes: only a redis-server that does not answer is.
    livenessProbe: k.probes.http('/live', 'status', { initialDelaySeconds: 10, periodSeconds: 10, failureThreshold: 6 }),
    resources: { requests: { cpu: '20m', memory: '48Mi' }, limits: { memory: '160Mi' } },
    mounts: { data: '/data' },
    storage: { data: { size: '256Mi' } },
    pod: {
      // Handing a shard over takes up to 3 s, writing the append-only file out up to 5 s.
      terminationGracePeriodSeconds: 20,
      tmp: null,
    },
    // Volumes outlive the StatefulSet (Retain, the library's default). With Delete the controller writes
    // itself into each claim just when the scheduler binds it, which costs seconds and the pods' order.
    workload: { podManagementPolicy: 'Parallel' },
  });
  app {
    statefulset+: {
      spec+: {
        template+: {
          spec+: {
            // Half of the pods on each of two nodes, always: a master and its replica must not be lost together.
            topologySpreadConstraints: [
              constraint { whenUnsatisfiable: 'DoNotSchedule' }
              for constraint in super.topologySpreadConstraints
            ],
            // Pod 0, which is scheduled first, goes to the control plane's node where that takes pods. On two
            // nodes the agents keep most masters with pod 0: then the other node's loss is survived at once,
            // and without the control plane's node nothing can be mended anyway.
            affinity: {
              nodeAffinity: {
                preferredDuringSchedulingIgnoredDuringExecution: [{
                  weight: 100,
                  preference: {
                    matchExpressions: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists' }],
                  },
                }],
              },
            },
          },
        },
      },
    },
    // Redis asks for no password: only pods of this namespace may talk to it, and only Redis's own pods
    // to the cluster bus and the agents. It holds where the cluster's network enforces policies.
    networkPolicy: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: k.metadata.metadata('networkPolicy', name, name, env),
      spec: {
        podSelector: { matchLabels: k.metadata.selector(name) },
        policyTypes: ['Ingress'],
        ingress: [
          {
            from: [{ podSelector: {} }],
            ports: [{ protocol: 'TCP', port: service.port }],
          },
          {
            from: [{ podSelector: { matchLabels: k.metadata.selector(name) } }],
            ports: [{ protocol: 'TCP', port: port } for port in [service.port + 10000, statusPort]],
          },
        ],
      },
    },
  }
