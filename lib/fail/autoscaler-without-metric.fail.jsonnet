local k = import 'lib/k8s.libsonnet';

k.horizontalPodAutoscaler({ name: 's', environment: { name: 'dev', namespace: 'ns' }, maxReplicas: 3, utilization: {} })
