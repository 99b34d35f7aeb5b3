local k = import 'lib/k8s.libsonnet';

k.ingress({ name: 'i', environment: { name: 'dev', namespace: 'ns' }, rules: { 'a.example.com': { stock: { name: 's', port: 1 } } } })
