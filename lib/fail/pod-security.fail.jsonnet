local k = import 'lib/k8s.libsonnet';

k.namespace({ name: 'dev', podSecurity: 'restrict' })
