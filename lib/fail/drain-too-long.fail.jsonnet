local k = import 'lib/k8s.libsonnet';

k.pod({ name: 's', drainSeconds: 30, container: { image: 'i', ports: { main: 1 } } })
