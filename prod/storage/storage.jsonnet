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
  // Objects without a namespace share their names with everybody's.
  local clusterWide = 'turnup-' + name;
  local objects = {
    namespace: k.namespace({ name: env.namespace, podSecurity: 'privileged' }),  // because of hostPath
    account: k.serviceAccount({ name: name, environment: env }),
    role: k.clusterRole({
      name: clusterWide,
      service: name,
      rules: [
        { resources: ['persistentvolumeclaims'], verbs: ['list'] },
        { resources: ['persistentvolumes'], verbs: ['list', 'create', 'delete'] },
      ],
    }),
    binding: k.clusterRoleBinding({
      name: clusterWide,
      service: name,
      clusterRole: clusterWide,
      serviceAccounts: [{ name: name, namespace: env.namespace }],
    }),
    provisioner: k.daemonset({
      name: name,
      environment: env,
      pod: {
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
      },
    }),
    class: k.storageClass({
      name: 'turnup-local',
      service: name,
      default: true,
      provisioner: 'turnup/node-local',
      // Older versions had another provisioner name. It is immutable, and volumes don't depend on the class.
      annotations: { 'turnup/on-immutable': 'recreate' },
      // A folder is on one node, so it is created when the scheduler has chosen the pod's node.
      volumeBindingMode: 'WaitForFirstConsumer',
    }),
  };
  {
    [field]: objects[field] { metadata+: { annotations+: onlyWithoutDefaultClass } }
    for field in std.objectFields(objects)
  }
