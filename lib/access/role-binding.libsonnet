// Bindings: who has the rights of a role.
//
//   k.roleBinding({ name: 'reader', environment: env, role: 'reader', serviceAccounts: ['server'] })
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local rbac = 'rbac.authorization.k8s.io';

local extraDefaults(component) = {
  // Names of ServiceAccounts in the binding's namespace, or {name, namespace}.
  serviceAccounts: [],
  // Names of users and groups, as the cluster's authentication knows them.
  users: [],
  groups: [],
};

local account(component, value) =
  local p = params.merge(
    component + '.serviceAccounts',
    { name: params.required(component + '.serviceAccounts', 'name'), namespace: null },
    if std.type(value) == 'string' then { name: value } else value,
  );
  params.compact({ kind: 'ServiceAccount', name: p.name, namespace: p.namespace });

local binding(component, kind, p, role) =
  local subjects = [account(component, value) for value in p.serviceAccounts]
                   + [{ apiGroup: rbac, kind: 'User', name: name } for name in p.users]
                   + [{ apiGroup: rbac, kind: 'Group', name: name } for name in p.groups];
  if subjects == [] then
    error "%s: nobody is bound; give 'serviceAccounts', 'users' or 'groups'" % component
  else {
    apiVersion: rbac + '/v1',
    kind: kind,
    metadata: metadata.of(component, p),
    roleRef: { apiGroup: rbac } + role,
    subjects: subjects,
  };

{
  // Returns a RoleBinding. Accounts without a namespace are in the binding's own.
  //
  // given: the parameters above and those of metadata.parameters, and either `role` or `clusterRole`, which then counts in
  // this namespace alone.
  roleBinding(given)::
    local defaults = metadata.parameters('roleBinding') + extraDefaults('roleBinding') { role: null, clusterRole: null };
    local p = params.merge('roleBinding', defaults, given);
    if (p.role == null) == (p.clusterRole == null) then
      error "roleBinding: exactly one of the parameters 'role' and 'clusterRole' must be given"
    else binding(
      'roleBinding',
      'RoleBinding',
      p { serviceAccounts: [if std.type(a) == 'string' then { name: a, namespace: p.environment.namespace } else a for a in p.serviceAccounts] },
      if p.role == null then { kind: 'ClusterRole', name: p.clusterRole } else { kind: 'Role', name: p.role },
    ),

  // Returns a ClusterRoleBinding. Each account must name its namespace.
  //
  // given: the parameters above, those of metadata.clusterParameters, and `clusterRole`.
  clusterRoleBinding(given)::
    local component = 'clusterRoleBinding';
    local defaults = metadata.clusterParameters(component) + extraDefaults(component) { clusterRole: params.required(component, 'clusterRole') };
    local p = params.merge(component, defaults, given);
    local homeless = [a for a in p.serviceAccounts if std.type(a) == 'string' || !std.objectHas(a, 'namespace')];
    if homeless != [] then
      error "clusterRoleBinding: an account has no namespace; write serviceAccounts: [{name: '%s', namespace: …}]" % (
        if std.type(homeless[0]) == 'string' then homeless[0] else std.get(homeless[0], 'name', '…')
      )
    else binding(component, 'ClusterRoleBinding', p, { kind: 'ClusterRole', name: p.clusterRole }),
}
