local testing = import 'lib/testing.libsonnet';
local pod = import 'lib/workloads/pod.libsonnet';

local make(extra={}) = pod({ name: 's', container: { image: 'i' } } + extra);

testing.suite({
  'a pod has no API token, does not run as root and has a seccomp profile': {
    local spec = make().spec,
    actual: [
      spec.automountServiceAccountToken,
      spec.securityContext.runAsNonRoot,
      spec.securityContext.runAsUser,
      spec.securityContext.seccompProfile.type,
      spec.enableServiceLinks,
    ],
    expected: [false, true, 65532, 'RuntimeDefault', false],
  },
  'one field of the security context is overridden': {
    local context = make({ securityContext: { runAsUser: 999 } }).spec.securityContext,
    actual: [context.runAsUser, context.runAsNonRoot],
    expected: [999, true],
  },
  'the main container is named after the service': {
    actual: make().spec.containers[0].name,
    expected: 's',
  },
  'every container gets a writable /tmp': {
    local spec = make({ sidecars: { log: { image: 'l' } }, initContainers: { init: { image: 'n' } } }).spec,
    actual: [c.volumeMounts for c in spec.containers + spec.initContainers],
    expected: std.repeat([[{ name: 'tmp', mountPath: '/tmp' }]], 3),
  },
  'tmp: null removes /tmp': {
    actual: std.objectHas(make({ tmp: null }).spec, 'volumes'),
    expected: false,
  },
  'nodeLossSeconds adds tolerations to the given ones': {
    local spec = make({ nodeLossSeconds: 10, tolerations: [{ key: 'x', operator: 'Exists' }] }).spec,
    actual: [[t.key, if std.objectHas(t, 'tolerationSeconds') then t.tolerationSeconds else null] for t in spec.tolerations],
    expected: [['x', null], ['node.kubernetes.io/not-ready', 10], ['node.kubernetes.io/unreachable', 10]],
  },
  'configuration is mounted read-only': {
    local spec = make({ configMap: 'settings', tmp: null }).spec,
    actual: [spec.volumes, spec.containers[0].volumeMounts],
    expected: [
      [{ name: 'config', configMap: { name: 'settings' } }],
      [{ name: 'config', mountPath: '/etc/config', readOnly: true }],
    ],
  },
  'nodes log in to registries with Secrets': {
    actual: make({ imagePullSecrets: ['login'] }).spec.imagePullSecrets,
    expected: [{ name: 'login' }],
  },
  'a pod with ports serves on for some seconds after its deletion': {
    local hooks(extra, container={ ports: { main: 1 } }) =
      std.get(make(extra { container: { image: 'i' } + container }).spec.containers[0], 'lifecycle'),
    local sleep(seconds) = { preStop: { sleep: { seconds: seconds } } },
    actual: [hooks({}), hooks({ drainSeconds: 9 }), hooks({ terminationGracePeriodSeconds: 6 }), hooks({ drainSeconds: 0 }), hooks({}, {})],
    expected: [sleep(5), sleep(9), sleep(3), null, null],
  },
  'other hooks stay, and replace the one that waits': {
    local hooks(lifecycle) = make({ container: { image: 'i', ports: { main: 1 }, lifecycle: lifecycle } }).spec.containers[0].lifecycle,
    local exec = { exec: { command: ['x'] } },
    actual: [std.objectFields(hooks({ postStart: exec })), hooks({ preStop: exec })],
    expected: [['postStart', 'preStop'], { preStop: exec }],
  },
})
