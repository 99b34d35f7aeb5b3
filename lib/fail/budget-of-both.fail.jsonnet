local k = import 'lib/k8s.libsonnet';

k.disruptionBudget({ name: 's', environment: { name: 'dev', namespace: 'ns' }, minAvailable: 2 })
