local service = import 'lib/service.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'dev' };
local make(extra) = service({ name: 's', environment: env, ports: { http: 80 } } + extra).spec;

testing.suite({
  'a port goes to the container port of its name': {
    actual: make({}).ports,
    expected: [{ name: 'http', port: 80, targetPort: 'http' }],
  },
  'a port with everything': {
    actual: make({ ports: { http: { port: 80, targetPort: 8080, nodePort: 31000, protocol: 'TCP' } }, type: 'NodePort' }).ports,
    expected: [{ name: 'http', port: 80, targetPort: 8080, nodePort: 31000, protocol: 'TCP' }],
  },
  'a headless service has no address': {
    local spec = make({ headless: true, publishNotReadyAddresses: true }),
    actual: [spec.clusterIP, spec.publishNotReadyAddresses],
    expected: ['None', true],
  },
  'a service may select the pods of another': {
    actual: make({ selects: 'redis' }).selector,
    expected: { 'app.kubernetes.io/name': 'redis' },
  },
})
