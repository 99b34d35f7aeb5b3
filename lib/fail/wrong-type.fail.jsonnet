local k = import 'lib/k8s.libsonnet';

k.probes.grpc('grpc')
