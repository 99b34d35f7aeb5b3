local k = import 'lib/k8s.libsonnet';

k.perEnvironment({ name: 'dev', namespace: 'dev' }, { prod: 3, staging: 2 })
