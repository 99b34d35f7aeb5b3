local service = import 'lib/network/service.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'dev' };
local make(extra) = service({ name: 's', environment: env, ports: { http: 80 } } + extra).spec;

testing.suite({
  'a port targets the container port of the same name': {
    actual: make({}).ports,
    expected: [{ name: 'http', port: 80, targetPort: 'http' }],
  },
  'every field of a port is written': {
    actual: make({ ports: { http: { port: 80, targetPort: 8080, nodePort: 31000, protocol: 'TCP' } }, type: 'NodePort' }).ports,
    expected: [{ name: 'http', port: 80, targetPort: 8080, nodePort: 31000, protocol: 'TCP' }],
  },
  'a headless Service has no cluster IP': {
    local spec = make({ headless: true, publishNotReadyAddresses: true }),
    actual: [spec.clusterIP, spec.publishNotReadyAddresses],
    expected: ['None', true],
  },
  'a Service can select the pods of another service': {
    actual: make({ selects: 'redis' }).selector,
    expected: { 'app.kubernetes.io/name': 'redis' },
  },
  'one name has ports of several protocols': {
    actual: make({ ports: { dns: { port: 53, protocol: 'UDP' }, 'dns-tcp': { port: 53, appProtocol: 'dns' } } }).ports,
    expected: [
      { name: 'dns', port: 53, protocol: 'UDP', targetPort: 'dns' },
      { name: 'dns-tcp', port: 53, appProtocol: 'dns', targetPort: 'dns-tcp' },
    ],
  },
  'an ExternalName stands for a host, and selects nothing': {
    actual: service({ name: 's', environment: env, type: 'ExternalName', externalName: 'db.example.com' }).spec,
    expected: { type: 'ExternalName', externalName: 'db.example.com' },
  },
  'a headless Service needs no port': {
    actual: make({ headless: true, ports: {} }),
    expected: { type: 'ClusterIP', clusterIP: 'None', selector: { 'app.kubernetes.io/name': 's' } },
  },
})
