// RouteGuide's server: two pods that answer from Redis.
local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images)
  k.microservice({
    environment: env,
    service: service,
    image: images.server,
    replicas: 2,
    env: {
      PORT: service.port,
      REDIS_HOST: deps.redis.host,
      REDIS_PORT: deps.redis.port,
    },
    // NOT_SERVING until Redis answers with all places, and while it does not.
    readinessProbe: k.probes.grpc(service.port, null, { periodSeconds: 1, failureThreshold: 2 }),
    // 'live' is SERVING while the process answers: a lost Redis must not restart servers.
    livenessProbe: k.probes.grpc(service.port, 'live', { initialDelaySeconds: 10, periodSeconds: 10 }),
    resources: { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '192Mi' } },
    // No address of its own: DNS gives clients the address of every ready pod, and gRPC keeps a
    // connection to each. Behind one address a client would stay on one pod, and when that pod's node is
    // lost it might connect to it again until the cluster notices.
    serviceOverrides: { headless: true },
    pod: {
      terminationGracePeriodSeconds: 15,
      // Start elsewhere 10 s after a node is found lost, not after the usual five minutes.
      tolerations: [
        { key: 'node.kubernetes.io/' + key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 10 }
        for key in ['not-ready', 'unreachable']
      ],
    },
  })
