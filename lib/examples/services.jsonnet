// Whole services of an application: a gRPC and an HTTP service, a worker, a nightly program, a migration and a database.
local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images)
  local common = { environment: env, image: images.server, partOf: 'shop', version: '1.2.3' };
  local named(name) = { name: name, port: service.port };
  local services = {
    orders: k.grpcService(common {
      service: service,
      component: 'api',
      autoscaling: k.perEnvironment(env, { prod: { minReplicas: 3, maxReplicas: 10 }, default: null }),
      env: { REDIS_HOST: deps.redis.host },
    }),
    site: k.httpService(common { service: named('site'), component: 'site', spread: { zone: 'DoNotSchedule' }, drainSeconds: 10 }),
    mailer: k.worker(common {
      service: named('mailer'),
      component: 'worker',
      livenessProbe: k.probes.exec(['test', '-f', '/tmp/alive']),
    }),
    report: k.cronWorker(common { service: named('report'), schedule: '30 2 * * *', args: ['report'] }),
    migration: k.migration(common { service: named('tables'), args: ['migrate'] }),
    database: k.database(common {
      service: named('database'),
      component: 'database',
      size: k.perEnvironment(env, { prod: '100Gi', default: '1Gi' }),
      path: '/data',
      readinessProbe: k.probes.tcp(service.port),
      backup: { schedule: '15 3 * * *', args: ['dump', '/backup'] },
    }),
  };
  {
    ['%s-%s' % [name, object]]: services[name][object]
    for name in std.objectFields(services)
    for object in std.objectFields(services[name])
  }
