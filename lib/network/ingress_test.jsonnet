local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local service = { name: 'shop', port: 8080, ports: { metrics: 9090 } };
local stock = { name: 'stock', host: 'stock.dev.svc', port: 50051, ports: {} };
local make(extra) = k.ingress({ name: 'shop', environment: env, rules: { 'shop.example.com': { '/': service } } } + extra).spec;

testing.suite({
  'a path leads to the port of a service': {
    actual: make({}),
    expected: {
      rules: [{
        host: 'shop.example.com',
        http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'shop', port: { number: 8080 } } } }] },
      }],
    },
  },
  'class, certificates and several paths, also of a dependency': {
    local spec = make({
      className: 'nginx',
      tls: { certificate: ['shop.example.com'] },
      rules: { 'shop.example.com': { '/': service, '/stock': stock { pathType: 'Exact' } } },
    }),
    actual: [spec.ingressClassName, spec.tls, [[p.path, p.pathType, p.backend.service.name] for p in spec.rules[0].http.paths]],
    expected: [
      'nginx',
      [{ secretName: 'certificate', hosts: ['shop.example.com'] }],
      [['/', 'Prefix', 'shop'], ['/stock', 'Exact', 'stock']],
    ],
  },
  'all hosts, and what no rule matches': {
    local spec = make({ rules: { '': { '/': service } }, defaultBackend: stock }),
    actual: [std.objectHas(spec.rules[0], 'host'), spec.defaultBackend],
    expected: [false, { service: { name: 'stock', port: { number: 50051 } } }],
  },
})
