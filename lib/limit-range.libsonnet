// A LimitRange: what a container gets that names no request or no limit, when its pod is created.
//
// It refuses no pod that names both. Kubernetes refuses a container that requests more than the limit it gets, so
// a container that requests more than `limits` must name its own limit.
local metadata = import 'metadata.libsonnet';
local params = import 'params.libsonnet';

local defaults = {
  // Name of the LimitRange, a DNS label.
  name: params.required('limitRange', 'name'),
  // {name, namespace}: the manifest's argument `env`.
  environment: params.required('limitRange', 'environment'),
  labels: {},
  annotations: {},
  // Quantities of one container, by resource. There is no limit of cpu, because a container that reaches one is slowed down
  // even if nobody else wants the processors.
  limits: { memory: '1Gi', 'ephemeral-storage': '2Gi' },
  // Without these, a container would request as much as its limit.
  requests: { cpu: '10m', memory: '32Mi', 'ephemeral-storage': '0' },
};

// Returns a LimitRange. given: the parameters above.
function(given)
  local p = params.merge('limitRange', defaults, given);
  local missing = [name for name in std.objectFields(p.limits) if !std.objectHas(p.requests, name)];
  if missing != [] then
    error "limitRange: parameter 'requests' lacks %s, which 'limits' has; add it, otherwise containers would request their whole limit" % missing[0]
  else {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: metadata.metadata('limitRange', p.name, p.name, p.environment, p.labels, p.annotations),
    spec: {
      limits: [params.compact({ type: 'Container', default: p.limits, defaultRequest: p.requests })],
    },
  }
