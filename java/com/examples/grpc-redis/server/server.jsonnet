// RouteGuide's server in Java: two pods that serve data from Redis.
local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images)
  // Redis's own Secret; of its users only the servers' one is mounted.
  local redisUsers = deps.redis.name + '-users';
  k.microservice({
    environment: env,
    service: service,
    image: images.server,
    replicas: 2,
    // The program itself serves on for two seconds after SIGTERM.
    drainSeconds: 0,
    env: {
      PORT: service.port,
      METRICS_PORT: service.ports.metrics,
      REDIS_HOST: deps.redis.host,
      REDIS_PORT: deps.redis.port,
      REDIS_PASSWORD_FILE: '/run/secrets/%s/places' % redisUsers,
    },
    mounts: { 'redis-users': { mountPath: '/run/secrets/' + redisUsers, readOnly: true } },
    // NOT_SERVING unless Redis responds and has all places.
    readinessProbe: k.probes.grpc(service.port, null, { periodSeconds: 1, failureThreshold: 2 }),
    // 'live' is SERVING while the process responds, because an outage of Redis must not restart servers. A JVM on a busy
    // node takes longer to start than the liveness probe waits.
    livenessProbe: k.probes.grpc(service.port, 'live', { initialDelaySeconds: 30, periodSeconds: 10 }),
    // Heap, classes, compiled code, threads' stacks and gRPC's buffers; the image sizes the heap by the limit.
    resources: { requests: { cpu: '50m', memory: '160Mi' }, limits: { memory: '384Mi' } },
    // Both new pods start at once: most of a rollout is the start of a JVM, and one after the other would take twice as long.
    workload: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '100%', maxUnavailable: 0 } } },
    // No cluster IP: DNS returns the address of every ready pod, and gRPC keeps a connection to each.
    // With a cluster IP a client would stay on one pod. If that pod's node is lost, it might connect to
    // the same pod again until the cluster notices.
    serviceOverrides: { headless: true },
    pod: {
      volumes: { 'redis-users': k.secretVolume({ name: redisUsers, keys: ['places'] }) },
      terminationGracePeriodSeconds: 15,
      // If the node is lost, start on another one after 10 s instead of the default of five minutes.
      nodeLossSeconds: 10,
    },
  })
