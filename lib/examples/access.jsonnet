// Access: a program that watches ConfigMaps in its namespace and nodes in the cluster.
local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images)
  local name = service.name;
  local clusterWide = '%s-%s' % [env.namespace, name];
  {
    account: k.serviceAccount({ name: name, environment: env }),
    role: k.role({ name: name, environment: env, rules: [{ resources: ['configmaps'], verbs: ['get', 'list', 'watch'] }] }),
    binding: k.roleBinding({ name: name, environment: env, role: name, serviceAccounts: [name] }),
    clusterRole: k.clusterRole({ name: clusterWide, service: name, rules: [{ resources: ['nodes'], verbs: ['get', 'list', 'watch'] }] }),
    clusterBinding: k.clusterRoleBinding({
      name: clusterWide,
      service: name,
      clusterRole: clusterWide,
      serviceAccounts: [{ name: name, namespace: env.namespace }],
    }),
    deployment: k.deployment({
      name: name,
      environment: env,
      pod: { serviceAccountName: name, automountServiceAccountToken: true, container: { image: images.server } },
    }),
  }
