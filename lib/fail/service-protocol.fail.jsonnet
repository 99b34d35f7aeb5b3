local k = import 'lib/k8s.libsonnet';

k.service({ name: 's', environment: { name: 'dev', namespace: 'ns' }, ports: { dns: { port: 53, protocol: 'udp' } } })
