// A PodDisruptionBudget: how many pods a node drain may evict at once.
local metadata = import 'metadata.libsonnet';
local params = import 'params.libsonnet';

local defaults = {
  // Name of the PodDisruptionBudget and of its service, a DNS label.
  name: params.required('disruptionBudget', 'name'),
  // {name, namespace}: the manifest's argument `env`.
  environment: params.required('disruptionBudget', 'environment'),
  labels: {},
  annotations: {},
  maxUnavailable: 1,
};

// Returns a PodDisruptionBudget. given: the parameters above.
function(given)
  local p = params.merge('disruptionBudget', defaults, given);
  {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadata.metadata('disruptionBudget', p.name, p.name, p.environment, p.labels, p.annotations),
    spec: {
      maxUnavailable: p.maxUnavailable,
      selector: { matchLabels: metadata.selector(p.name) },
    },
  }
