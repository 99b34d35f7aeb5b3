local k = import 'lib/k8s.libsonnet';

k.worker({ environment: { name: 'dev', namespace: 'ns' }, service: { name: 's' }, image: 'i', portName: 'main' })
