local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local rules(rule, extra={}) = k.role({ name: 'reader', environment: env, rules: [rule] } + extra).rules;

testing.suite({
  'the core group is the default': {
    actual: rules({ resources: ['configmaps'], verbs: ['get'] }),
    expected: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }],
  },
  'rights can be bounded to names': {
    actual: rules({ apiGroups: ['apps'], resources: ['deployments/scale'], resourceNames: ['server'], verbs: ['patch'] }),
    expected: [{ apiGroups: ['apps'], resources: ['deployments/scale'], resourceNames: ['server'], verbs: ['patch'] }],
  },
  'a star needs a switch': {
    actual: rules({ resources: ['*'], verbs: ['*'] }, { allowWildcards: true }),
    expected: [{ apiGroups: [''], resources: ['*'], verbs: ['*'] }],
  },
  'a cluster role has no namespace, and may have URLs': {
    local object = k.clusterRole({ name: 'health', rules: [{ nonResourceURLs: ['/healthz'], verbs: ['get'] }] }),
    actual: [object.kind, std.objectHas(object.metadata, 'namespace'), object.rules],
    expected: ['ClusterRole', false, [{ nonResourceURLs: ['/healthz'], verbs: ['get'] }]],
  },
})
