// A LimitRange: what a container gets that names no request or no limit, when its pod is created.
//
// By default it refuses no pod that names both. Kubernetes refuses a container that requests more than the limit it gets, so
// a container that requests more than `limits` must name its own limit.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local defaults = metadata.parameters('limitRange') {
  // Quantities of one container, by resource. There is no limit of cpu, because a container that reaches one is slowed down
  // even if nobody else wants the processors.
  limits: { memory: '1Gi', 'ephemeral-storage': '2Gi' },
  // Without these, a container would request as much as its limit.
  requests: { cpu: '10m', memory: '32Mi', 'ephemeral-storage': '0' },
  // The least and the most that one container may name, by resource. Others are refused.
  min: {},
  max: {},
  // The same for all containers of a pod together, {min, max}, and for one claim's storage. null: no bound.
  pods: null,
  claims: null,
};

local bounds(component, type) = function(given)
  local p = params.merge(component, { min: {}, max: {} }, given);
  params.compact({ type: type, min: p.min, max: p.max });

// Returns a LimitRange. given: the parameters above, and those of metadata.parameters.
function(given)
  local p = params.merge('limitRange', defaults, given);
  local missing = [name for name in std.objectFields(p.limits) if !std.objectHas(p.requests, name)];
  if missing != [] then
    error "limitRange: parameter 'requests' lacks %s, which 'limits' has; add it, otherwise containers would request their whole limit" % missing[0]
  else {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: metadata.of('limitRange', p),
    spec: {
      limits: [
        item
        for item in [
          params.compact({ type: 'Container', default: p.limits, defaultRequest: p.requests, min: p.min, max: p.max }),
          params.optional(p.pods, bounds('limitRange.pods', 'Pod')),
          params.optional(p.claims, bounds('limitRange.claims', 'PersistentVolumeClaim')),
        ]
        if item != null
      ],
    },
  }
