local k = import 'lib/k8s.libsonnet';

k.customResourceDefinition({ manifest: { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgets.example.com' }, spec: { group: 'example.org', names: { plural: 'widgets' } } } })
