[import 'near.libsonnet', (import 'template.libsonnet').text]
