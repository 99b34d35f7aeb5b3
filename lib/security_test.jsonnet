local security = import 'lib/security.libsonnet';
local testing = import 'lib/testing.libsonnet';

testing.suite({
  'user, group and volume group are the same number, and not root': {
    actual: [security.pod.runAsUser, security.pod.runAsGroup, security.pod.fsGroup, security.nonRootId],
    expected: [65532, 65532, 65532, 65532],
  },
  'the restricted standard forbids escalation and all capabilities': {
    actual: [security.container.allowPrivilegeEscalation, security.container.capabilities.drop],
    expected: [false, ['ALL']],
  },
})
