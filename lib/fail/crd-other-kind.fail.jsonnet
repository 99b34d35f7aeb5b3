local k = import 'lib/k8s.libsonnet';

k.customResourceDefinition({ manifest: '{apiVersion: v1, kind: List}' })
