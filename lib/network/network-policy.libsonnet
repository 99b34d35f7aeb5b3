// A NetworkPolicy: which connections a service's pods accept and open, if the cluster's network enforces policies.
//
//   k.networkPolicy({
//     name: 'server',
//     environment: env,
//     ingress: [{ from: ['client'], ports: [service.port] }],
//     egress: [{ to: ['redis'], ports: [deps.redis.port] }],
//   })
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';
local peers = import 'peers.libsonnet';

local defaults = metadata.parameters('networkPolicy') {
  // Name of the service whose pods the policy is for; null: that of `service`. '*': all pods of the namespace.
  selects: null,
  // List of {from, ports}: connections that the pods accept; all others are refused. []: none. null: the policy says nothing.
  ingress: null,
  // List of {to, ports}: connections that the pods open; all others are refused. []: none. null: the policy says nothing.
  egress: null,
  // true: with `egress`, the pods may also ask the cluster's DNS servers.
  dns: true,
};

local port(component, value) =
  local isMap = std.type(value) == 'object';
  local p = params.merge(component + '.ports', { port: null, protocol: 'TCP', endPort: null }, if isMap then value else { port: value });
  params.compact({ protocol: params.oneOf(component + '.ports', 'protocol', ['TCP', 'UDP', 'SCTP'], p.protocol), port: p.port, endPort: p.endPort });

// One rule. direction: 'from' or 'to'. A name stands for the pods of a service in the policy's namespace.
local rule(component, direction, given) =
  local p = params.merge(component, { [direction]: params.required(component, direction), ports: [] }, given);
  params.compact({
    [direction]: [if std.type(peer) == 'string' then peers.service(peer) else peer for peer in params.notEmpty(component, direction, p[direction])],
    ports: [port(component, value) for value in p.ports],
  });

local dnsRule = rule('networkPolicy.egress', 'to', { to: [peers.dns], ports: [{ port: 53, protocol: 'UDP' }, 53] });

// Returns a NetworkPolicy. given: the parameters above, and those of metadata.parameters.
function(given)
  local p = params.merge('networkPolicy', defaults, given);
  local selects = if p.selects == null then metadata.serviceOf(p) else p.selects;
  if p.ingress == null && p.egress == null then
    error "networkPolicy: the policy says nothing; give 'ingress' or 'egress'"
  else {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadata.of('networkPolicy', p),
    spec: {
      podSelector: if selects == '*' then {} else { matchLabels: metadata.selector(selects) },
      policyTypes: (if p.ingress == null then [] else ['Ingress']) + (if p.egress == null then [] else ['Egress']),
    } + (
      if p.ingress == null then {}
      else { ingress: [rule('networkPolicy.ingress', 'from', r) for r in p.ingress] }
    ) + (
      if p.egress == null then {}
      else { egress: [rule('networkPolicy.egress', 'to', r) for r in p.egress] + (if p.dns then [dnsRule] else []) }
    ),
  }
