local k = import 'lib/k8s.libsonnet';

k.pod({ name: 's', container: { image: 'i' }, spread: { node: 'Never' } })
