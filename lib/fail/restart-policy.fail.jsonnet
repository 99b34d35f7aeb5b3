local k = import 'lib/k8s.libsonnet';

k.job({ name: 'j', environment: { name: 'dev', namespace: 'ns' }, pod: { restartPolicy: 'never', container: { image: 'i' } } }).spec
