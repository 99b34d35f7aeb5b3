// A Service: one stable name and address for a service's pods.
local metadata = import 'metadata.libsonnet';
local params = import 'params.libsonnet';

local defaults = {
  // Name of the object, a DNS label.
  name: params.required('service', 'name'),
  // Name of the service whose pods are selected; null: `name`.
  selects: null,
  // {name, namespace}: the manifest's argument `env`.
  environment: params.required('service', 'environment'),
  labels: {},
  annotations: {},
  // Map of port name to number, or to {port, targetPort, nodePort, protocol}. A plain
  // number targets the container port of the same name.
  ports: params.required('service', 'ports'),
  // ClusterIP, NodePort or LoadBalancer.
  type: 'ClusterIP',
  // true: no cluster IP; DNS returns the pods' addresses.
  headless: false,
  // true: DNS returns pods before they are ready, which peers that form a cluster need.
  publishNotReadyAddresses: false,
};

local portDefaults = {
  port: params.required('service.ports', 'port'),
  targetPort: null,
  nodePort: null,
  protocol: null,
};

local port(name, value) =
  local given = if std.type(value) == 'number' then { port: value } else value;
  local p = params.merge('service.ports', portDefaults, given);
  params.compact(p { name: name, targetPort: if p.targetPort == null then name else p.targetPort });

// Returns a Service. given: the parameters above.
function(given)
  local p = params.merge('service', defaults, given);
  local selects = if p.selects == null then p.name else p.selects;
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata.metadata('service', p.name, selects, p.environment, p.labels, p.annotations),
    spec: params.compact({
      type: p.type,
      clusterIP: if p.headless then 'None' else null,
      publishNotReadyAddresses: if p.publishNotReadyAddresses then true else null,
      selector: metadata.selector(selects),
      ports: [port(name, p.ports[name]) for name in std.objectFields(p.ports)],
    }),
  }
