local k = import 'lib/k8s.libsonnet';

k.grpcRoute({ name: 'r', environment: { name: 'dev', namespace: 'ns' }, gateways: ['g'] })
