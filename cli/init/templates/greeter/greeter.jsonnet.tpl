// The objects of the greeter in one environment.
local k = import 'turnup/lib/k8s.libsonnet';

function(env, service, deps, images)
  k.microservice({
    environment: env,
    service: service,
    image: images.greeter,
    env: { PORT: service.port },
    readinessProbe: k.probes.http('/healthz', service.port, { periodSeconds: 1 }),
  })
