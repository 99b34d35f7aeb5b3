// RouteGuide's client in Java: one pod that calls the server repeatedly and logs the responses.
local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images)
  k.microservice({
    environment: env,
    service: service,
    image: images.client,
    // In every environment: it only watches the stack.
    replicas: 1,
    // Nothing but the probes connects to it.
    drainSeconds: 0,
    env: {
      PORT: service.port,
      // From the server's service.yaml, through Bazel.
      SERVER_HOST: deps.server.host,
      SERVER_PORT: deps.server.port,
    },
    // Ready while calls succeed, which needs the whole stack.
    readinessProbe: k.probes.http('/ready', service.port, { periodSeconds: 1, failureThreshold: 2 }),
    livenessProbe: k.probes.http('/live', service.port, { initialDelaySeconds: 30, periodSeconds: 10 }),
    // Heap, classes, compiled code, threads' stacks and gRPC's buffers; the image sizes the heap by the limit.
    resources: { requests: { cpu: '30m', memory: '128Mi' }, limits: { memory: '320Mi' } },
    pod: {
      terminationGracePeriodSeconds: 10,
      // If the node is lost, start on another one after 10 s instead of the default of five minutes.
      nodeLossSeconds: 10,
    },
  })
