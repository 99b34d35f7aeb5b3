// Probes: how the kubelet checks a container.
//
// Each function takes what to check and, as an optional last argument, timing overrides:
//   probes.http('/healthz', 'http', {periodSeconds: 2})
local params = import '../params.libsonnet';

local timing = {
  initialDelaySeconds: null,
  periodSeconds: 5,
  timeoutSeconds: 2,
  successThreshold: null,
  failureThreshold: 3,
  terminationGracePeriodSeconds: null,
};

local probe(kind, handler, given) = params.compact(params.merge('probes.' + kind, timing, given) + handler);

{
  // Returns a probe that sends an HTTP GET and expects a status from 200 to 399.
  //
  // port: number or name of a container port.
  http(path, port, timing={}):: probe('http', { httpGet: { path: path, port: port } }, timing),

  // Returns a probe that calls the gRPC health protocol and expects SERVING.
  //
  // port: a number (Kubernetes does not accept
  // a name here). service: the name to check; null for the server as a whole.
  grpc(port, service=null, timing={})::
    probe('grpc', { grpc: params.compact({ port: params.typed('probes.grpc', 'port', 'number', port), service: service }) }, timing),

  // Returns a probe that opens a TCP connection. port: number or name of a container port.
  tcp(port, timing={}):: probe('tcp', { tcpSocket: { port: port } }, timing),

  // Returns the startup probe that belongs to a liveness probe: until it succeeds once, the other probes wait.
  //
  // seconds: how long the program may take to start.
  startup(probe, seconds)::
    local period = 2;
    { [name]: probe[name] for name in std.objectFields(probe) if name != 'initialDelaySeconds' } {
      periodSeconds: period,
      failureThreshold: std.ceil(params.typed('probes.startup', 'seconds', 'number', seconds) / period),
    },

  // Returns a probe that runs a command in the container and expects exit code 0.
  //
  // command: array of strings.
  exec(command, timing={})::
    probe('exec', { exec: { command: params.typed('probes.exec', 'command', 'array', command) } }, timing),
}
