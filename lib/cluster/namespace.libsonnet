// A Namespace that enforces the "restricted" pod security standard by default.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local standards = ['privileged', 'baseline', 'restricted'];

local defaults = {
  // Name of the namespace, a DNS label.
  name: params.required('namespace', 'name'),
  labels: {},
  annotations: {},
  // The pod security standard: privileged, baseline or restricted.
  podSecurity: 'restricted',
  // The standard that a pod must meet, or its author is warned and the audit log notes it; null: none beyond the enforced one.
  podSecurityWarning: null,
  // The Kubernetes version of the standards, such as 'v1.32'; null: the cluster's own.
  podSecurityVersion: null,
};

// Returns a Namespace. given: the parameters above.
function(given)
  local p = params.merge('namespace', defaults, given);
  local warning = params.oneOf('namespace', 'podSecurityWarning', [null] + standards, p.podSecurityWarning);
  local modes = {
    enforce: params.oneOf('namespace', 'podSecurity', standards, p.podSecurity),
    warn: warning,
    audit: warning,
  };
  {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: params.compact({
      name: metadata.checkName('namespace', p.name),
      labels: {
        'app.kubernetes.io/managed-by': 'turnup',
      } + {
        ['pod-security.kubernetes.io/' + mode]: modes[mode]
        for mode in std.objectFields(modes)
        if modes[mode] != null
      } + {
        ['pod-security.kubernetes.io/%s-version' % mode]: p.podSecurityVersion
        for mode in std.objectFields(modes)
        if modes[mode] != null && p.podSecurityVersion != null
      } + p.labels,
      annotations: p.annotations,
    }),
  }
