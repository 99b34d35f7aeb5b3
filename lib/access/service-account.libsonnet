// A ServiceAccount: the identity of a service's pods. Its pods get a token only if they ask for one.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local defaults = metadata.parameters('serviceAccount') {
  // true: pods get a token unless they refuse it. Only a pod that talks to the Kubernetes API needs one.
  automountServiceAccountToken: false,
  // Names of Secrets by which nodes log in to registries.
  imagePullSecrets: [],
};

// Returns a ServiceAccount. given: the parameters above, and those of metadata.parameters.
function(given)
  local p = params.merge('serviceAccount', defaults, given);
  params.compact({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadata.of('serviceAccount', p),
    automountServiceAccountToken: p.automountServiceAccountToken,
    imagePullSecrets: [{ name: name } for name in p.imagePullSecrets],
  })
