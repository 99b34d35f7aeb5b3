// A Namespace, with the "restricted" pod security standard enforced unless asked otherwise.
local metadata = import 'metadata.libsonnet';
local params = import 'params.libsonnet';

local defaults = {
  name: params.required('namespace', 'name'),
  labels: {},
  annotations: {},
  // privileged, baseline or restricted.
  podSecurity: 'restricted',
};

// Returns a Namespace. given: the parameters above.
function(given)
  local p = params.merge('namespace', defaults, given);
  {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: params.compact({
      name: metadata.checkName('namespace', p.name),
      labels: {
        'app.kubernetes.io/managed-by': 'turnup',
        'pod-security.kubernetes.io/enforce': p.podSecurity,
      } + p.labels,
      annotations: p.annotations,
    }),
  }
