local service = import 'lib/service.libsonnet';
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
})
