// RouteGuide's client: one pod that calls the server repeatedly and logs the responses.
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
    livenessProbe: k.probes.http('/live', service.port, { initialDelaySeconds: 10, periodSeconds: 10 }),
    resources: { requests: { cpu: '10m', memory: '48Mi' }, limits: { memory: '128Mi' } },
    pod: {
      terminationGracePeriodSeconds: 10,
      // If the node is lost, start on another one after 10 s instead of the default of five minutes.
      nodeLossSeconds: 10,
    },
  })
