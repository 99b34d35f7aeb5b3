local k = import 'lib/k8s.libsonnet';

k.microservice({
  environment: { name: 'dev', namespace: 'dev' },
  service: { name: 's', port: 1 },
  image: 'i',
  pod: { graceperiod: 3 },
})
