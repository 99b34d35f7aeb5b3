local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images)
  k.statefulMicroservice({
    environment: env,
    service: service,
    image: images.redis,
    portName: 'redis',
    replicas: 3,
    args: ['redis-server', '/etc/config/redis.conf'],
    config: { 'redis.conf': 'dir /data\nappendonly yes\n' },
    storage: { data: { size: '1Gi' } },
    mounts: { data: '/data' },
    readinessProbe: k.probes.exec(['redis-cli', 'ping']),
  })
