local k = import 'lib/k8s.libsonnet';

k.clusterRoleBinding({ name: 'b', clusterRole: 'c', serviceAccounts: ['server'] })
