local k = import 'lib/k8s.libsonnet';

k.ingress({ name: 'i', environment: { name: 'dev', namespace: 'ns' }, rules: { 'a.example.com': { '/': { name: 's', port: 1 } } }, tls: { c: ['b.example.com'] } })
