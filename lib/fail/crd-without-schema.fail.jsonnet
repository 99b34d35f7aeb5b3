local k = import 'lib/k8s.libsonnet';

k.customResourceDefinition({ manifest: { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgets.example.com' }, spec: { group: 'example.com', names: { plural: 'widgets' }, versions: [{ name: 'v1', storage: true }] } } })
