local k = import 'lib/k8s.libsonnet';

k.container({ name: 's', image: 'i', volumeMounts: {} })
