local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };

testing.suite({
  'accounts are in the namespace of the binding unless they name another': {
    local object = k.roleBinding({
      name: 'reader',
      environment: env,
      role: 'reader',
      serviceAccounts: ['server', { name: 'scraper', namespace: 'monitoring' }],
    }),
    actual: [object.kind, object.metadata.namespace, object.roleRef, object.subjects],
    expected: [
      'RoleBinding',
      'ns',
      { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      [
        { kind: 'ServiceAccount', name: 'server', namespace: 'ns' },
        { kind: 'ServiceAccount', name: 'scraper', namespace: 'monitoring' },
      ],
    ],
  },
  'users and groups are subjects of the API group, and a cluster role may count in one namespace': {
    local object = k.roleBinding({ name: 'view', environment: env, clusterRole: 'view', users: ['ada'], groups: ['dev'] }),
    actual: [object.roleRef.kind, [[s.kind, s.name, s.apiGroup] for s in object.subjects]],
    expected: ['ClusterRole', [['User', 'ada', 'rbac.authorization.k8s.io'], ['Group', 'dev', 'rbac.authorization.k8s.io']]],
  },
  'a cluster role binding has no namespace': {
    local object = k.clusterRoleBinding({ name: 'v', clusterRole: 'v', serviceAccounts: [{ name: 'storage', namespace: 'storage' }] }),
    actual: [object.kind, std.objectHas(object.metadata, 'namespace'), object.subjects],
    expected: ['ClusterRoleBinding', false, [{ kind: 'ServiceAccount', name: 'storage', namespace: 'storage' }]],
  },
})
