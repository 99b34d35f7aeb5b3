local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local make(extra) = k.networkPolicy({ name: 'server', environment: env } + extra).spec;
local pods(name) = { podSelector: { matchLabels: { 'app.kubernetes.io/name': name } } };

testing.suite({
  'only the named services may connect, to the named ports': {
    actual: make({ ingress: [{ from: ['client'], ports: [50051] }] }),
    expected: pods('server') {
      policyTypes: ['Ingress'],
      ingress: [{ from: [pods('client')], ports: [{ protocol: 'TCP', port: 50051 }] }],
    },
  },
  'an empty list refuses everything, and without a list nothing is said': {
    local spec = make({ ingress: [] }),
    actual: [spec.ingress, std.objectHas(spec, 'egress'), spec.policyTypes],
    expected: [[], false, ['Ingress']],
  },
  'DNS stays reachable unless it is switched off': {
    local ports(extra) = [[[p.protocol, p.port] for p in rule.ports] for rule in make({ egress: [] } + extra).egress],
    actual: [ports({}), ports({ dns: false })],
    expected: [[[['UDP', 53], ['TCP', 53]]], []],
  },
  'ranges of ports, and peers in the form of the API': {
    local rule = make({ egress: [{ to: [k.peers.addresses('10.0.0.0/8')], ports: [{ port: 1024, endPort: 2048, protocol: 'UDP' }] }], dns: false }).egress[0],
    actual: rule,
    expected: { to: [{ ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ protocol: 'UDP', port: 1024, endPort: 2048 }] },
  },
  'another service, or all pods of the namespace': {
    actual: [make({ ingress: [], selects: selects }).podSelector for selects in ['redis', '*']],
    expected: [pods('redis').podSelector, {}],
  },
})
