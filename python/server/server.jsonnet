// RouteGuide's server: two pods that serve data from Redis.
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
      REDIS_HOST: deps.redis.host,
      REDIS_PORT: deps.redis.port,
      REDIS_PASSWORD_FILE: '/run/secrets/%s/places' % redisUsers,
    },
    mounts: { 'redis-users': { mountPath: '/run/secrets/' + redisUsers, readOnly: true } },
    // NOT_SERVING unless Redis responds and has all places.
    readinessProbe: k.probes.grpc(service.port, null, { periodSeconds: 1, failureThreshold: 2 }),
    // 'live' is SERVING while the process responds, because an outage of Redis must not restart servers.
    livenessProbe: k.probes.grpc(service.port, 'live', { initialDelaySeconds: 10, periodSeconds: 10 }),
    resources: { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '192Mi' } },
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
