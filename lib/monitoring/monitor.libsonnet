// Monitors: where the Prometheus operator reads a service's metrics.
//
//   k.serviceMonitor({ name: 'server', environment: env, ports: { metrics: {} } })
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local defaults(component) = metadata.parameters(component) {
  // Name of the service whose Service or pods are read; null: that of `service`.
  selects: null,
  // Map of port name to the parameters below; {}: all defaults.
  ports: params.required(component, 'ports'),
};

local portDefaults = {
  path: '/metrics',
  // Durations; null: Prometheus' own.
  interval: null,
  scrapeTimeout: null,
  // http or https; null: http.
  scheme: null,
  // In the API's form: labels to add, rewrite and drop.
  relabelings: [],
  metricRelabelings: [],
};

local monitor(component, kind, list, given) =
  local p = params.merge(component, defaults(component), given);
  local names = std.objectFields(params.typed(component, 'ports', 'object', p.ports));
  local endpoint(name) =
    local e = params.merge(component + '.ports', portDefaults, p.ports[name]);
    params.compact(e { port: name, scheme: params.oneOf(component + '.ports', 'scheme', [null, 'http', 'https'], e.scheme) });
  {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: kind,
    metadata: metadata.of(component, p),
    spec: {
      selector: { matchLabels: metadata.selector(if p.selects == null then metadata.serviceOf(p) else p.selects) },
      [list]: [endpoint(name) for name in params.notEmpty(component, 'ports', names)],
    },
  };

{
  // Returns a ServiceMonitor: Prometheus reads each pod behind a Service with the labels of the service.
  //
  // given: the parameters above, and those of metadata.parameters.
  serviceMonitor(given):: monitor('serviceMonitor', 'ServiceMonitor', 'endpoints', given),

  // Returns a PodMonitor: Prometheus reads the pods themselves, which need no Service. given: as above.
  podMonitor(given):: monitor('podMonitor', 'PodMonitor', 'podMetricsEndpoints', given),
}
