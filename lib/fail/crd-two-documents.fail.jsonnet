local k = import 'lib/k8s.libsonnet';

k.customResourceDefinition({ manifest: 'a: 1\n---\nb: 1\n' })
