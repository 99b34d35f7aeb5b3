// Probes: how the kubelet asks a container whether it works.
//
// Each function takes what to ask and, optionally, timing overrides:
//   probes.http('/healthz', 'http', {periodSeconds: 2})
local params = import 'params.libsonnet';

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
  // An HTTP GET that must answer 200 to 399. port: number or name of a container port.
  http(path, port, timing={}):: probe('http', { httpGet: { path: path, port: port } }, timing),

  // The gRPC health protocol must answer SERVING. port: number (Kubernetes takes
  // no name here). service: the name to ask for, null for the server as a whole.
  grpc(port, service=null, timing={})::
    probe('grpc', { grpc: params.compact({ port: params.typed('probes.grpc', 'port', 'number', port), service: service }) }, timing),

  // A TCP connection must be accepted. port: number or name.
  tcp(port, timing={}):: probe('tcp', { tcpSocket: { port: port } }, timing),

  // A command inside the container must exit with 0. command: array of strings.
  exec(command, timing={})::
    probe('exec', { exec: { command: params.typed('probes.exec', 'command', 'array', command) } }, timing),
}
