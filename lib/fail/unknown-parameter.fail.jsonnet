local k = import 'lib/k8s.libsonnet';

k.deployment({ name: 's', replica: 2 })
