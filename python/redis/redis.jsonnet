// A Redis Cluster of six nodes: three masters, each with a replica.
//
// Pods start at the same time (Parallel) and find each other before they are ready,
// so that the agents can form the cluster. They are ready when CLUSTER INFO reports
// cluster_state:ok. Each pod has nodes.conf and its data on its own volume.
local k = import 'lib/k8s.libsonnet';

local size = 6;
local statusPort = 8080;

function(env, service, deps, images)
  local name = service.name;
  // Programs of other services mount this Secret, too, each with its own user's key.
  local users = name + '-users';
  local usersPath = '/run/secrets/' + users;
  k.statefulMicroservice({
    environment: env,
    service: service { ports: { status: statusPort } },
    image: images.redis,
    replicas: size,
    // The agent hands its slots over before redis-server gets SIGTERM.
    drainSeconds: 0,
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
      USERS_DIR: usersPath,
    },
    readinessProbe: k.probes.http('/ready', 'status', { periodSeconds: 1, failureThreshold: 2 }),
    // Only a redis-server that does not respond is restarted. A restart does not help if the cluster is down.
    livenessProbe: k.probes.http('/live', 'status', { initialDelaySeconds: 10, periodSeconds: 10, failureThreshold: 6 }),
    resources: { requests: { cpu: '20m', memory: '48Mi' }, limits: { memory: '160Mi' } },
    mounts: { data: '/data', users: { mountPath: usersPath, readOnly: true } },
    storage: { data: { size: '256Mi' } },
    pod: {
      // A failover takes up to 3 s, and writing the append-only file up to 5 s.
      terminationGracePeriodSeconds: 20,
      tmp: null,
      volumes: { users: k.secretVolume({ name: users }) },
      // Half of the pods on each of two nodes, always, because a master and its replica must not be lost together.
      spread: { node: 'DoNotSchedule' },
      // Pod 0, which is scheduled first, runs on the control plane node if that accepts pods. With two nodes
      // the agents keep most masters on the node of pod 0. So the cluster survives the loss of the other
      // node, and without the control plane node nothing can be repaired anyway.
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
    // Volumes outlive the StatefulSet (Retain, the library's default). With Delete the controller adds itself
    // as an owner to each claim while the scheduler binds it, which costs seconds and changes the pods' order.
    workload: { podManagementPolicy: 'Parallel' },
  }) {
    // A password for each user of access.py, which the first apply makes and nobody needs to know.
    users: k.generatedSecret({ name: users, service: name, environment: env, keys: ['agent', 'replica', 'places'] }),
    // Redis demands a password, but the cluster bus and the agents' endpoint have none: who reaches the bus can join the
    // cluster. So only pods in this namespace may connect to Redis, and only its own pods to the other two, if the cluster's
    // network enforces policies.
    networkPolicy: k.networkPolicy({
      name: name,
      environment: env,
      ingress: [
        { from: [k.peers.sameNamespace], ports: [service.port] },
        { from: [name], ports: [service.port + 10000, statusPort] },
      ],
    }),
  }
