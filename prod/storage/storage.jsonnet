// A default storage class with volumes on the nodes' disks, for clusters that have no default class.
//
// image: the reference of the provisioner's image, on the nodes or in the registry.
// digest: the digest of that image; a new one starts new pods.
local k = import 'lib/k8s.libsonnet';

local onlyWithoutDefaultClass = { 'turnup/only-without': 'default-storage-class' };

function(image, digest)
  local env = { name: 'setup', namespace: 'storage' };
  local name = 'storage';
  local folder = '/var/lib/turnup-volumes';
  local rbac = 'rbac.authorization.k8s.io';
  local clusterWide = k.metadata.metadata('storage', 'turnup-' + name, name, null);
  local objects = {
    namespace: k.namespace({ name: env.namespace, podSecurity: 'privileged' }),  // because of hostPath
    account: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: k.metadata.metadata('storage', name, name, env) },
    role: {
      apiVersion: rbac + '/v1',
      kind: 'ClusterRole',
      metadata: clusterWide,
      rules: [
        { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['list'] },
        { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['list', 'create', 'delete'] },
      ],
    },
    binding: {
      apiVersion: rbac + '/v1',
      kind: 'ClusterRoleBinding',
      metadata: clusterWide,
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: clusterWide.name },
      subjects: [{ kind: 'ServiceAccount', name: name, namespace: env.namespace }],
    },
    provisioner: {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: k.metadata.metadata('storage', name, name, env),
      spec: {
        selector: { matchLabels: k.metadata.selector(name) },
        template: k.pod({
          name: name,
          annotations: { 'turnup/image-digest': digest },
          serviceAccountName: name,
          automountServiceAccountToken: true,
          tolerations: [{ operator: 'Exists' }],
          terminationGracePeriodSeconds: 5,
          volumes: { volumes: { hostPath: { path: folder, type: 'DirectoryOrCreate' } } },
          // Only root with these capabilities can create and delete folders of other users.
          securityContext: { runAsNonRoot: false, runAsUser: 0, runAsGroup: 0 },
          container: {
            image: image,
            env: { NODE_NAME: k.env.field('spec.nodeName'), VOLUMES_DIR: folder },
            mounts: { volumes: folder },
            resources: {
              requests: { cpu: '10m', memory: '24Mi', 'ephemeral-storage': '16Mi' },
              limits: { memory: '96Mi', 'ephemeral-storage': '512Mi' },
            },
            securityContext: { capabilities: { add: ['DAC_OVERRIDE', 'FOWNER'] } },
          },
        }),
      },
    },
    class: {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: k.metadata.metadata('storage', 'turnup-local', name, null, {}, {
        'storageclass.kubernetes.io/is-default-class': 'true',
        // Older versions had another provisioner name. It is immutable, and volumes don't depend on the class.
        'turnup/on-immutable': 'recreate',
      }),
      provisioner: 'turnup/node-local',
      reclaimPolicy: 'Delete',
      // A folder is on one node, so it is created when the scheduler has chosen the pod's node.
      volumeBindingMode: 'WaitForFirstConsumer',
    },
  };
  {
    [field]: objects[field] { metadata+: { annotations+: onlyWithoutDefaultClass } }
    for field in std.objectFields(objects)
  }
