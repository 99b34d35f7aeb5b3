local testing = import 'lib/testing.libsonnet';
local security = import 'lib/workloads/security.libsonnet';

testing.suite({
  'user, group and fsGroup are the same number, and not root': {
    actual: [security.pod.runAsUser, security.pod.runAsGroup, security.pod.fsGroup, security.nonRootId],
    expected: [65532, 65532, 65532, 65532],
  },
  'privilege escalation is off and all capabilities are dropped': {
    actual: [security.container.allowPrivilegeEscalation, security.container.capabilities.drop],
    expected: [false, ['ALL']],
  },
})
