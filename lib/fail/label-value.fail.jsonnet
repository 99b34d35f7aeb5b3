local k = import 'lib/k8s.libsonnet';

k.metadata.recommended({ version: 'sha256:0' })
