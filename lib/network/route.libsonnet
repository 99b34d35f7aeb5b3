// Routes of the Gateway API: HTTP and gRPC from a Gateway to services. The cluster must have the API's definitions.
//
//   k.httpRoute({
//     name: 'shop',
//     environment: env,
//     gateways: ['public'],
//     hostnames: ['shop.example.com'],
//     paths: { '/': service, '/stock': [deps.stock { weight: 9 }, deps.newStock { weight: 1 }] },
//   })
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';
local backend = import 'backend.libsonnet';

local defaults(component) = metadata.parameters(component) {
  // Names of Gateways in the same namespace, or {name, namespace, sectionName}.
  gateways: params.required(component, 'gateways'),
  // Hosts of the requests; []: all that the Gateway accepts.
  hostnames: [],
  // More rules in the API's form, after the others.
  rules: [],
};

local gateway(component, value) =
  local fields = { name: params.required(component + '.gateways', 'name'), namespace: null, sectionName: null };
  params.compact(params.merge(component + '.gateways', fields, if std.type(value) == 'string' then { name: value } else value));

// value: one backend, or an array of them.
local backends(component, value) = [
  local p = backend.of(component, { weight: null }, b);
  params.compact({ name: p.name, port: p.port, weight: p.weight })
  for b in (if std.type(value) == 'array' then params.notEmpty(component, 'backends', value) else [value])
];

local route(component, kind, p, rules) =
  if rules + p.rules == [] then
    error '%s: the route has no rule; map at least one request to a service' % component
  else {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: kind,
    metadata: metadata.of(component, p),
    spec: params.compact({
      parentRefs: [gateway(component, value) for value in params.notEmpty(component, 'gateways', p.gateways)],
      hostnames: p.hostnames,
      rules: rules + p.rules,
    }),
  };

{
  // Returns an HTTPRoute.
  //
  // given: the parameters above, those of metadata.parameters, and `paths`: map of path prefix to backend, the manifest's
  // argument `service`, an entry of `deps`, or {name, port}, or to an array of backends with `weight`.
  httpRoute(given)::
    local p = params.merge('httpRoute', defaults('httpRoute') { paths: {} }, given);
    route('httpRoute', 'HTTPRoute', p, [
      if std.startsWith(path, '/') then {
        matches: [{ path: { type: 'PathPrefix', value: path } }],
        backendRefs: backends('httpRoute.paths', p.paths[path]),
      }
      else error "httpRoute: path '%s' does not start with '/'; write '/%s'" % [path, path]
      for path in std.objectFields(p.paths)
    ]),

  // Returns a GRPCRoute.
  //
  // given: the parameters above, those of metadata.parameters, and `methods`: map of 'package.Service' or
  // 'package.Service/Method' to backends as for `httpRoute`; '' stands for all.
  grpcRoute(given)::
    local p = params.merge('grpcRoute', defaults('grpcRoute') { methods: {} }, given);
    local match(name) =
      local parts = std.split(name, '/');
      if name == '' then null
      else [{ method: params.compact({ service: parts[0], method: if std.length(parts) > 1 then parts[1] else null }) }];
    route('grpcRoute', 'GRPCRoute', p, [
      params.compact({ matches: match(name), backendRefs: backends('grpcRoute.methods', p.methods[name]) })
      for name in std.objectFields(p.methods)
    ]),
}
