// Roles: what an account may do through the Kubernetes API.
//
//   k.role({ name: 'reader', environment: env, rules: [{ resources: ['configmaps'], verbs: ['get', 'watch'] }] })
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local ruleDefaults(component) = {
  // API groups of the resources; '' is the group of pods, Services, ConfigMaps and Secrets.
  apiGroups: [''],
  // Plural names of the resources, with '/status' and the like for a part of one. Or, in a cluster role, `nonResourceURLs`.
  resources: [],
  nonResourceURLs: [],
  // Only the objects of these names; []: all.
  resourceNames: [],
  // get, list, watch, create, update, patch, delete, deletecollection and more.
  verbs: params.required(component + '.rules', 'verbs'),
};

local extraDefaults(component) = {
  // List of rules with the parameters above.
  rules: params.required(component, 'rules'),
  // true: rules may contain '*', everything that exists now or will exist.
  allowWildcards: false,
};

local rule(component, p, given) =
  local r = params.merge(component + '.rules', ruleDefaults(component), given);
  local stars = [
    field
    for field in ['apiGroups', 'resources', 'verbs']
    if std.member(params.typed(component + '.rules', field, 'array', r[field]), '*')
  ];
  if stars != [] && !p.allowWildcards then
    error "%s.rules: parameter '%s' has '*'; list what is needed, or set allowWildcards: true" % [component, stars[0]]
  else if (r.resources == []) == (r.nonResourceURLs == []) then
    error "%s.rules: a rule needs either 'resources' or 'nonResourceURLs'; give one of them" % component
  else
    // URLs have no API group.
    params.compact(r { verbs: params.notEmpty(component + '.rules', 'verbs', r.verbs), apiGroups: if r.resources == [] then [] else r.apiGroups });

local role(component, kind, parameters, given) =
  local p = params.merge(component, parameters + extraDefaults(component), given);
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: kind,
    metadata: metadata.of(component, p),
    rules: [rule(component, p, r) for r in params.notEmpty(component, 'rules', p.rules)],
  };

{
  // Returns a Role: rights in one namespace. given: the parameters above, and those of metadata.parameters.
  role(given):: role('role', 'Role', metadata.parameters('role'), given),

  // Returns a ClusterRole: rights in all namespaces, and on objects without one. given: the parameters above, and those of
  // metadata.clusterParameters.
  clusterRole(given):: role('clusterRole', 'ClusterRole', metadata.clusterParameters('clusterRole'), given),
}
