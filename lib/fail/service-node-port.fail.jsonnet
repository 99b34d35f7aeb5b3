local k = import 'lib/k8s.libsonnet';

k.service({ name: 's', environment: { name: 'dev', namespace: 'ns' }, ports: { http: { port: 80, nodePort: 31000 } } })
