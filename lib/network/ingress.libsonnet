// An Ingress: HTTP from outside of the cluster to services, by host and path.
//
//   k.ingress({
//     name: 'shop',
//     environment: env,
//     className: 'nginx',
//     rules: { 'shop.example.com': { '/': service, '/stock': deps.stock } },
//     tls: { 'shop-certificate': ['shop.example.com'] },
//   })
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';
local backend = import 'backend.libsonnet';

local defaults = metadata.parameters('ingress') {
  // Name of the IngressClass; null: the cluster's default.
  className: null,
  // Map of host to a map of path to backend: the manifest's argument `service`, an entry of `deps`, or {name, port}, each
  // with `pathType` if it is not Prefix. The host '' stands for all hosts.
  rules: {},
  // The backend of requests that no rule matches; null: the controller's answer.
  defaultBackend: null,
  // Map of the name of a Secret of the type kubernetes.io/tls to the hosts that its certificate has.
  tls: {},
};

local pathTypes = ['Prefix', 'Exact', 'ImplementationSpecific'];

local target(given) =
  local p = backend.of('ingress.rules', { pathType: 'Prefix' }, given);
  { pathType: p.pathType, backend: { service: { name: p.name, port: { number: p.port } } } };

local path(name, given) =
  local t = target(given);
  if !std.startsWith(name, '/') then
    error "ingress: path '%s' does not start with '/'; write '/%s'" % [name, name]
  else { path: name, pathType: params.oneOf('ingress.rules', 'pathType', pathTypes, t.pathType), backend: t.backend };

// Returns an Ingress. given: the parameters above, and those of metadata.parameters.
function(given)
  local p = params.merge('ingress', defaults, given);
  local hosts = std.objectFields(p.rules);
  local unknown = [host for secret in std.objectFields(p.tls) for host in p.tls[secret] if !std.member(hosts, host)];
  if p.rules == {} && p.defaultBackend == null then
    error "ingress: parameter 'rules' is missing; add it, or 'defaultBackend'"
  else if unknown != [] then
    error "ingress: parameter 'tls' has the host '%s', which 'rules' lacks (it has: %s); add a rule or remove it" % [unknown[0], std.join(', ', hosts)]
  else {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: metadata.of('ingress', p),
    spec: params.compact({
      ingressClassName: p.className,
      defaultBackend: params.optional(p.defaultBackend, function(given) target(given).backend),
      tls: [{ secretName: secret, hosts: p.tls[secret] } for secret in std.objectFields(p.tls)],
      rules: [
        params.compact({
          host: if host == '' then null else host,
          http: { paths: [path(name, p.rules[host][name]) for name in std.objectFields(p.rules[host])] },
        })
        for host in hosts
      ],
    }),
  }
