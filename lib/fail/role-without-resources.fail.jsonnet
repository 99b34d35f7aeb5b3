local k = import 'lib/k8s.libsonnet';

k.clusterRole({ name: 'none', rules: [{ verbs: ['get'] }] })
