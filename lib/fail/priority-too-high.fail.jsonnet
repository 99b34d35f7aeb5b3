local k = import 'lib/k8s.libsonnet';

k.priorityClass({ name: 'top', value: 2000000000, description: 'd' })
