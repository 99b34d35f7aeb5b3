// A HorizontalPodAutoscaler: it sets a workload's number of pods by their load.
//
// The workload must not name a number itself: `replicas: null`. microservice's parameter `autoscaling` sees to both.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local defaults = metadata.parameters('horizontalPodAutoscaler') {
  // The workload: {kind, name}; null: the Deployment with the name of the service.
  target: null,
  minReplicas: 2,
  maxReplicas: params.required('horizontalPodAutoscaler', 'maxReplicas'),
  // Average use of the pods' requests in percent, by resource: pods are added above it.
  utilization: { cpu: 80 },
  // More metrics, and how fast pods are added and removed, in the API's form.
  metrics: [],
  behavior: null,
};

// Returns a HorizontalPodAutoscaler. given: the parameters above, and those of metadata.parameters.
function(given)
  local component = 'horizontalPodAutoscaler';
  local p = params.merge(component, defaults, given);
  local minimum = params.typed(component, 'minReplicas', 'number', p.minReplicas);
  local maximum = params.typed(component, 'maxReplicas', 'number', p.maxReplicas);
  local target = if p.target == null then { kind: 'Deployment', name: metadata.serviceOf(p) } else p.target;
  local resources = [name for name in std.objectFields(p.utilization) if p.utilization[name] != null];
  if maximum < minimum then
    error "horizontalPodAutoscaler: parameter 'maxReplicas' is %d, less than 'minReplicas', %d; use at least that" % [maximum, minimum]
  else if resources == [] && p.metrics == [] then
    error "horizontalPodAutoscaler: there is nothing to measure; give 'utilization' or 'metrics'"
  else {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: metadata.of(component, p),
    spec: params.compact({
      scaleTargetRef: {
        apiVersion: 'apps/v1',
        kind: params.oneOf(component, 'target.kind', ['Deployment', 'StatefulSet'], target.kind),
        name: target.name,
      },
      minReplicas: minimum,
      maxReplicas: maximum,
      metrics: [
        { type: 'Resource', resource: { name: name, target: { type: 'Utilization', averageUtilization: p.utilization[name] } } }
        for name in resources
      ] + p.metrics,
      behavior: p.behavior,
    }),
  }
