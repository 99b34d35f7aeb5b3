// A Service: one stable name and address for a service's pods.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local types = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'];

local defaults = {
  // Name of the object, a DNS label.
  name: params.required('service', 'name'),
  // Name of the service whose pods are selected; null: `name`.
  selects: null,
  // {name, namespace}: the manifest's argument `env`.
  environment: params.required('service', 'environment'),
  labels: {},
  annotations: {},
  // Map of port name to number, or to {port, targetPort, nodePort, protocol, appProtocol}. A plain
  // number targets the container port of the same name. An ExternalName needs no port.
  ports: {},
  // ClusterIP, NodePort, LoadBalancer or ExternalName.
  type: 'ClusterIP',
  // true: no cluster IP; DNS returns the pods' addresses.
  headless: false,
  // The host outside of the cluster that the name of an ExternalName stands for; null for the other types.
  externalName: null,
  // true: DNS returns pods before they are ready, which peers that form a cluster need.
  publishNotReadyAddresses: false,
  // Local: a node sends what comes from outside to its own pods only, which keeps the client's address. null: Cluster.
  externalTrafficPolicy: null,
  // PreferSameZone and the like; null: any pod.
  trafficDistribution: null,
  // ClientIP: each client stays on one pod. null: any pod.
  sessionAffinity: null,
};

local portDefaults = {
  // From 1 to 65535.
  port: params.required('service.ports', 'port'),
  // Number or name of the container port; null: the port's name.
  targetPort: null,
  // The port of every node, for the types NodePort and LoadBalancer; null: the cluster chooses one.
  nodePort: null,
  // TCP, UDP or SCTP; null: TCP.
  protocol: null,
  // Hint for proxies, such as kubernetes.io/h2c or https; null: none.
  appProtocol: null,
};

local checkPort(name, value) =
  local number = params.typed('service.ports', name, 'number', value);
  if number < 1 || number > 65535 || number != std.floor(number) then
    error "service: port '%s' is %s; use a whole number from 1 to 65535" % [name, std.toString(value)]
  else number;

local port(name, value, type) =
  local given = if std.type(value) == 'number' then { port: value } else value;
  local p = params.merge('service.ports', portDefaults, given);
  if p.nodePort != null && !std.member(['NodePort', 'LoadBalancer'], type) then
    error "service: port '%s' has a nodePort, but the type is %s; use the type NodePort or LoadBalancer" % [name, type]
  else params.compact(p {
    name: name,
    port: checkPort(name, p.port),
    targetPort: if p.targetPort == null then name else p.targetPort,
    protocol: params.oneOf('service.ports', 'protocol', [null, 'TCP', 'UDP', 'SCTP'], p.protocol),
  });

local fault(p) =
  if (p.type == 'ExternalName') != (p.externalName != null) then
    "the type ExternalName and the parameter 'externalName' belong together; give both or neither"
  else if p.headless && p.type != 'ClusterIP' then
    "'headless' needs the type ClusterIP, and the type is %s; remove one of them" % p.type
  else if p.type != 'ExternalName' && !p.headless && p.ports == {} then
    "parameter 'ports' is missing; add it";

// Returns a Service. given: the parameters above.
function(given)
  local p = params.merge('service', defaults, given);
  local selects = if p.selects == null then p.name else p.selects;
  local type = params.oneOf('service', 'type', types, p.type);
  local found = fault(p { type: type });
  if found != null then error 'service: ' + found
  else {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata.metadata('service', p.name, selects, p.environment, p.labels, p.annotations),
    spec: params.compact({
      type: type,
      clusterIP: if p.headless then 'None' else null,
      externalName: p.externalName,
      publishNotReadyAddresses: if p.publishNotReadyAddresses then true else null,
      externalTrafficPolicy: params.oneOf('service', 'externalTrafficPolicy', [null, 'Cluster', 'Local'], p.externalTrafficPolicy),
      trafficDistribution: p.trafficDistribution,
      sessionAffinity: params.oneOf('service', 'sessionAffinity', [null, 'None', 'ClientIP'], p.sessionAffinity),
      selector: if type == 'ExternalName' then null else metadata.selector(selects),
      ports: [port(name, p.ports[name], type) for name in std.objectFields(p.ports)],
    }),
  }
