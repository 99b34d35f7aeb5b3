local k = import 'lib/k8s.libsonnet';

k.storageClass({ name: 'fast', provisioner: 'p', reclaimPolicy: 'Recycle' })
