(import 'lib/k8s.libsonnet').limitRange({
  name: 'defaults',
  environment: { name: 'dev', namespace: 'dev' },
  limits: { 'nvidia.com/gpu': 1 },
})
