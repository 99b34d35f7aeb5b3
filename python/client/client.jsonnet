// RouteGuide's client: one pod that calls the server again and again and logs the answers.
local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images)
  k.microservice({
    environment: env,
    service: service,
    image: images.client,
    env: {
      PORT: service.port,
      // From the server's own service.yaml, through Bazel.
      SERVER_HOST: deps.server.host,
      SERVER_PORT: deps.server.port,
    },
    // Ready while calls are answered; the readiness of the whole stack shows here.
    readinessProbe: k.probes.http('/ready', service.port, { periodSeconds: 1, failureThreshold: 2 }),
    livenessProbe: k.probes.http('/live', service.port, { initialDelaySeconds: 10, periodSeconds: 10 }),
    resources: { requests: { cpu: '10m', memory: '48Mi' }, limits: { memory: '128Mi' } },
    pod: {
      terminationGracePeriodSeconds: 10,
      // Start elsewhere 10 s after the node is found lost, not after the usual five minutes.
      tolerations: [
        { key: 'node.kubernetes.io/' + key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 10 }
        for key in ['not-ready', 'unreachable']
      ],
    },
  })
