local k = import 'lib/k8s.libsonnet';

k.grpcService({ environment: { name: 'dev', namespace: 'ns' }, service: { name: 's', port: 1 }, image: 'i', liveservice: 'live' })
