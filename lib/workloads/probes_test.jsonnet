local testing = import 'lib/testing.libsonnet';
local probes = import 'lib/workloads/probes.libsonnet';

testing.suite({
  http: {
    actual: probes.http('/ready', 'http'),
    expected: { httpGet: { path: '/ready', port: 'http' }, periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 3 },
  },
  'gRPC for the server as a whole': {
    actual: probes.grpc(50051).grpc,
    expected: { port: 50051 },
  },
  'gRPC for one of its services': {
    actual: probes.grpc(50051, 'RouteGuide').grpc,
    expected: { port: 50051, service: 'RouteGuide' },
  },
  tcp: {
    actual: probes.tcp(6379).tcpSocket,
    expected: { port: 6379 },
  },
  exec: {
    actual: probes.exec(['redis-cli', 'ping']).exec,
    expected: { command: ['redis-cli', 'ping'] },
  },
  'timing overrides the defaults': {
    actual: probes.tcp(1, { periodSeconds: 1, initialDelaySeconds: 9 }),
    expected: { tcpSocket: { port: 1 }, periodSeconds: 1, timeoutSeconds: 2, failureThreshold: 3, initialDelaySeconds: 9 },
  },
  'a startup probe waits for the start and otherwise equals the liveness probe': {
    actual: probes.startup(probes.tcp(1, { initialDelaySeconds: 9, periodSeconds: 10 }), 61),
    expected: { tcpSocket: { port: 1 }, periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 31 },
  },
})
