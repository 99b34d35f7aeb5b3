local k = import 'lib/k8s.libsonnet';

k.namespace({ name: 'a.b' })
