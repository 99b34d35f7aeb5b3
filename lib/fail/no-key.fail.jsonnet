local k = import 'lib/k8s.libsonnet';

k.generatedSecret({ name: 'login', environment: { name: 'dev', namespace: 'ns' }, keys: [] })
