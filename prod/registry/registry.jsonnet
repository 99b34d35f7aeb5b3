// The registry from which nodes pull the images that were just built: one pod, a volume, and a NodePort.
//
// port: the NodePort. Every node answers on it, so it does not matter which node runs the pod.
// image: the reference of the image that was loaded onto the nodes.
// digest: the digest of that image; a new one starts a new pod.
local k = import 'lib/k8s.libsonnet';

function(port, image, digest)
  local env = { name: 'setup', namespace: 'registry' };
  k.microservice({
    environment: env,
    service: { name: 'registry', port: 5000 },
    image: image,
    config: { 'config.yml': importstr 'config.yml' },
    args: ['serve', '/etc/config/config.yml'],
    readinessProbe: k.probes.http('/', 5000, { periodSeconds: 1 }),
    livenessProbe: k.probes.http('/', 5000, { initialDelaySeconds: 10, periodSeconds: 10 }),
    resources: { requests: { cpu: '20m', memory: '32Mi' }, limits: { memory: '256Mi' } },
    mounts: { data: '/data' },
    container: { securityContext: { readOnlyRootFilesystem: true } },
    pod: {
      annotations: { 'turnup/image-digest': digest },
      volumes: { data: { persistentVolumeClaim: { claimName: 'registry' } } },
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
    claim: {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: k.metadata.metadata('claim', 'registry', 'registry', env),
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '8Gi' } },
      },
    },
  }
