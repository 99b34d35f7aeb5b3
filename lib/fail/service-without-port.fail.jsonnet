local k = import 'lib/k8s.libsonnet';

k.service({ name: 's', environment: { name: 'dev', namespace: 'ns' } })
