// Services with a protocol, whose probes follow from it. Otherwise they are as `microservice`.
local params = import '../params.libsonnet';
local probes = import '../workloads/probes.libsonnet';
local microservice = import 'microservice.libsonnet';
local parts = import 'parts.libsonnet';

// A server that does not respond for a minute is restarted; one that is not ready gets no requests after some seconds.
local liveness = { periodSeconds: 10, failureThreshold: 6 };

// Returns the defaults of the three probes. p: the parameters.
local withProbes(p, ready, live) = {
  readinessProbe: ready,
  livenessProbe: live,
  startupProbe: probes.startup(live, p.startSeconds),
};

{
  // Returns a gRPC service with the health protocol.
  //
  // given: the parameters of `microservice`, and those below.
  grpcService(given)::
    local extra = {
      // What the readiness probe asks for; null: the server as a whole.
      readyService: null,
      // What the liveness probe asks for, which must not depend on other services; null: only whether the port accepts
      // connections.
      liveService: null,
      // Seconds that the program may take to start.
      startSeconds: 60,
      portName: 'grpc',
    };
    local p = params.merge('grpcService', parts.server('grpcService') + extra, given);
    local port = p.service.port;
    local live = if p.liveService == null then probes.tcp(port, liveness) else probes.grpc(port, p.liveService, liveness);
    microservice.statelessOf(
      'grpcService',
      parts.server('grpcService') + extra + withProbes(p, probes.grpc(port, p.readyService), live),
      given,
    ),

  // Returns an HTTP service. given: the parameters of `microservice`, and those below.
  httpService(given)::
    local extra = {
      // Answers with a status below 400 if the service can serve.
      readyPath: '/ready',
      // Answers so while the process works, whatever other services do.
      livePath: '/live',
      // Seconds that the program may take to start.
      startSeconds: 60,
      portName: 'http',
    };
    local p = params.merge('httpService', parts.server('httpService') + extra, given);
    local port = p.service.port;
    microservice.statelessOf(
      'httpService',
      parts.server('httpService') + extra + withProbes(p, probes.http(p.readyPath, port), probes.http(p.livePath, port, liveness)),
      given,
    ),
}
