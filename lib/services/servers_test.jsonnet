local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local base = {
  environment: { name: 'prod', namespace: 'prod' },
  service: { name: 'server', port: 50051, ports: { metrics: 9090 } },
  image: 'registry/server@sha256:0',
};
local container(objects) = objects.deployment.spec.template.spec.containers[0];

testing.suite({
  'a gRPC service is asked for its health, and only a deaf one is restarted': {
    local c = container(k.grpcService(base)),
    actual: [c.ports[0].name, c.readinessProbe.grpc, c.livenessProbe.tcpSocket, c.startupProbe.tcpSocket],
    expected: ['grpc', { port: 50051 }, { port: 50051 }, { port: 50051 }],
  },
  'health may have names': {
    local c = container(k.grpcService(base { readyService: 'ready', liveService: 'live' })),
    actual: [c.readinessProbe.grpc.service, c.livenessProbe.grpc.service, c.startupProbe.grpc.service],
    expected: ['ready', 'live', 'live'],
  },
  'an HTTP service has a page for each probe': {
    local paths(extra) =
      local c = container(k.httpService(base + extra));
      [c.readinessProbe.httpGet.path, c.livenessProbe.httpGet.path, c.startupProbe.httpGet.path, c.ports[0].name],
    actual: [paths({}), paths({ readyPath: '/r', livePath: '/l', portName: 'front' })],
    expected: [['/ready', '/live', '/live', 'http'], ['/r', '/l', '/l', 'front']],
  },
  'the program has a minute to start, or as long as it says': {
    local seconds(extra) =
      local probe = container(k.httpService(base + extra)).startupProbe;
      probe.periodSeconds * probe.failureThreshold,
    actual: [seconds({}), seconds({ startSeconds: 300 })],
    expected: [60, 300],
  },
  'a probe is replaced or left out': {
    local c = container(k.httpService(base { readinessProbe: k.probes.tcp(1), startupProbe: null })),
    actual: [c.readinessProbe.tcpSocket.port, std.objectHas(c, 'startupProbe')],
    expected: [1, false],
  },
  'the other objects are those of a microservice': {
    actual: [std.objectFields(f(base)) for f in [k.grpcService, k.httpService]],
    expected: std.repeat([['deployment', 'disruptionBudget', 'service', 'serviceAccount']], 2),
  },
})
