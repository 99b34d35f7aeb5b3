// A PodDisruptionBudget: how many pods a node drain may evict at once.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local defaults = {
  // Name of the PodDisruptionBudget and of its service, a DNS label.
  name: params.required('disruptionBudget', 'name'),
  // {name, namespace}: the manifest's argument `env`.
  environment: params.required('disruptionBudget', 'environment'),
  labels: {},
  annotations: {},
  // Numbers or percentages ('25%') of pods, of which one must be null. With minAvailable, give maxUnavailable: null.
  maxUnavailable: 1,
  minAvailable: null,
  // AlwaysAllow: pods that are not ready may be evicted, so that a broken one does not stop the drain of a node. null: only
  // while enough others are ready.
  unhealthyPodEvictionPolicy: null,
};

// Returns a PodDisruptionBudget. given: the parameters above.
function(given)
  local p = params.merge('disruptionBudget', defaults, given);
  if (p.maxUnavailable == null) == (p.minAvailable == null) then
    error "disruptionBudget: exactly one of 'maxUnavailable' and 'minAvailable' must have a value; set the other one to null"
  else {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadata.metadata('disruptionBudget', p.name, p.name, p.environment, p.labels, p.annotations),
    spec: params.compact({
      maxUnavailable: p.maxUnavailable,
      minAvailable: p.minAvailable,
      unhealthyPodEvictionPolicy: params.oneOf(
        'disruptionBudget',
        'unhealthyPodEvictionPolicy',
        [null, 'AlwaysAllow', 'IfHealthyBudget'],
        p.unhealthyPodEvictionPolicy,
      ),
      selector: { matchLabels: metadata.selector(p.name) },
    }),
  }
