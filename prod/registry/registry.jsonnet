// The registry from which nodes pull the images that were just built: one pod, a volume, and a NodePort.
//
// port: the NodePort. Every node answers on it, so it does not matter which node runs the pod.
// registry: HOST:PORT by which this repository's images name the registry.
// image: the reference of the image that was loaded onto the nodes.
// digest: the digest of that image; a new one starts a new pod.
local k = import 'lib/k8s.libsonnet';

// The bytes of all images together, and of the volume. Storage classes that are folders on a node do not enforce it, so the
// registry itself does.
local size = '8Gi';

function(port, registry, image, digest)
  local env = { name: 'setup', namespace: 'registry' };
  // The Service's names, from within the cluster. Addresses are accepted in any case.
  local names = ['registry', 'registry.registry', 'registry.registry.svc', 'registry.registry.svc.cluster.local', std.split(registry, ':')[0]];
  k.microservice({
    environment: env,
    service: { name: 'registry', port: 5000 },
    image: image,
    // There is no other pod that pulls could go to.
    drainSeconds: 0,
    args: [
      '-storage=/data',
      '-limit=' + size,
      '-password-file=/etc/credentials/password',
      '-names=' + std.join(',', names),
    ],
    // The memory that the pod's limit leaves for what is not Go's heap.
    env: { GOMEMLIMIT: '200MiB' },
    readinessProbe: k.probes.http('/', 5000, { periodSeconds: 1 }),
    livenessProbe: k.probes.http('/', 5000, { initialDelaySeconds: 10, periodSeconds: 10 }),
    resources: { requests: { cpu: '20m', memory: '32Mi' }, limits: { memory: '256Mi' } },
    mounts: { data: '/data', credentials: '/etc/credentials' },
    container: { securityContext: { readOnlyRootFilesystem: true } },
    pod: {
      annotations: { 'turnup/image-digest': digest },
      volumes: {
        data: { persistentVolumeClaim: { claimName: 'registry' } },
        credentials: k.secretVolume({ name: 'registry-credentials' }),
      },
      terminationGracePeriodSeconds: 5,
      // On a control plane node if it accepts pods, so that the loss of another node does not stop image pulls.
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{
            weight: 100,
            preference: { matchExpressions: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists' }] },
          }],
        },
      },
    },
    serviceOverrides: { type: 'NodePort', ports: { main: { port: 5000, nodePort: port } } },
    // Two registries must not write to one volume, not even during a rollout.
    workload: { strategy: { type: 'Recreate' } },
  }) + {
    namespace: k.namespace({ name: env.namespace }),
    // Pushes log in with it: rules/k8s reads it from the cluster, and sends it to the registry of the annotation alone.
    credentials: k.generatedSecret({
      name: 'registry-credentials',
      service: 'registry',
      environment: env,
      keys: ['password'],
      annotations: { 'turnup/registry': registry },
    }),
    claim: k.claim({ name: 'registry', environment: env, size: size }),
  }
