local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local service = { name: 'shop', port: 8080, ports: { metrics: 9090 } };
local stock = { name: 'stock', host: 'stock.dev.svc', port: 50051, ports: {} };

testing.suite({
  'a path prefix leads to a service': {
    local object = k.httpRoute({ name: 'shop', environment: env, gateways: ['public'], hostnames: ['shop.example.com'], paths: { '/': service } }),
    actual: [object.kind, object.spec],
    expected: ['HTTPRoute', {
      parentRefs: [{ name: 'public' }],
      hostnames: ['shop.example.com'],
      rules: [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }], backendRefs: [{ name: 'shop', port: 8080 }] }],
    }],
  },
  'requests are divided by weight, and a Gateway may be elsewhere': {
    local spec = k.httpRoute({
      name: 'shop',
      environment: env,
      gateways: [{ name: 'public', namespace: 'edge', sectionName: 'https' }],
      paths: { '/': [service { weight: 9 }, stock { weight: 1 }] },
    }).spec,
    actual: [spec.parentRefs, spec.rules[0].backendRefs],
    expected: [
      [{ name: 'public', namespace: 'edge', sectionName: 'https' }],
      [{ name: 'shop', port: 8080, weight: 9 }, { name: 'stock', port: 50051, weight: 1 }],
    ],
  },
  'gRPC is routed by service and method': {
    local object = k.grpcRoute({ name: 's', environment: env, gateways: ['g'], methods: { '': service, 'a.B': stock, 'a.B/C': stock } }),
    actual: [object.kind, [std.get(rule, 'matches') for rule in object.spec.rules]],
    expected: ['GRPCRoute', [null, [{ method: { service: 'a.B' } }], [{ method: { service: 'a.B', method: 'C' } }]]],
  },
  'rules in the form of the API follow': {
    local redirect = { filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https' } }] },
    actual: k.httpRoute({ name: 's', environment: env, gateways: ['g'], rules: [redirect] }).spec.rules,
    expected: [redirect],
  },
})
