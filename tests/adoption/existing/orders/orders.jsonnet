local own = import 'lib/params.libsonnet';
local k = import 'turnup/lib/k8s.libsonnet';

function(env, service, deps, images)
  k.microservice({
    environment: env,
    service: service,
    image: images.orders,
    env: { GREETING: own.greeting, STOCK: deps.stock.host + ':' + deps.stock.port },
  })
