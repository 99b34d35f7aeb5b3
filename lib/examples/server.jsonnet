local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images)
  k.microservice({
    environment: env,
    service: service,
    image: images.server,
    portName: 'grpc',
    replicas: k.perEnvironment(env, { prod: 3, default: 1 }),
    env: { REDIS_HOST: deps.redis.host, REDIS_PORT: deps.redis.port },
    readinessProbe: k.probes.grpc(service.port),
  })
