// A Namespace that enforces the "restricted" pod security standard by default.
local metadata = import 'metadata.libsonnet';
local params = import 'params.libsonnet';

local defaults = {
  // Name of the namespace, a DNS label.
  name: params.required('namespace', 'name'),
  labels: {},
  annotations: {},
  // The pod security standard: privileged, baseline or restricted.
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
