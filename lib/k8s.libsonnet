// The library that manifests import: functions that generate Kubernetes objects.
//
//   local k = import 'lib/k8s.libsonnet';
//
// Conventions: each function that generates an object takes ONE object of named
// parameters and rejects unknown names. Fields and values are
// spelled as in the Kubernetes API. Where the API has a list of named things,
// parameters take a map of name to value. Results are plain objects, so `+:` patches them.
local binding = import 'access/role-binding.libsonnet';
local role = import 'access/role.libsonnet';
local environment = import 'environment.libsonnet';
local monitor = import 'monitoring/monitor.libsonnet';
local route = import 'network/route.libsonnet';
local microservice = import 'services/microservice.libsonnet';
local servers = import 'services/servers.libsonnet';
local workers = import 'services/workers.libsonnet';
local claim = import 'storage/claim.libsonnet';
local job = import 'workloads/job.libsonnet';
{
  // All objects of a service: see the file of each.
  microservice: microservice.stateless,
  statefulMicroservice: microservice.stateful,
  grpcService: servers.grpcService,
  httpService: servers.httpService,
  worker: workers.worker,
  cronWorker: workers.cronWorker,
  migration: workers.migration,
  database: import 'services/database.libsonnet',

  // Workloads.
  deployment: import 'workloads/deployment.libsonnet',
  statefulset: import 'workloads/statefulset.libsonnet',
  daemonset: import 'workloads/daemonset.libsonnet',
  job: job.job,
  cronJob: job.cronJob,
  disruptionBudget: import 'workloads/disruption-budget.libsonnet',
  horizontalPodAutoscaler: import 'workloads/horizontal-pod-autoscaler.libsonnet',

  // Network.
  service: import 'network/service.libsonnet',
  ingress: import 'network/ingress.libsonnet',
  httpRoute: route.httpRoute,
  grpcRoute: route.grpcRoute,
  networkPolicy: import 'network/network-policy.libsonnet',

  // Settings and secrets.
  configMap: import 'config/config-map.libsonnet',
  generatedSecret: import 'config/generated-secret.libsonnet',
  externalSecret: import 'config/external-secret.libsonnet',

  // Storage.
  claim: claim.claim,
  storageClass: import 'storage/storage-class.libsonnet',

  // Access to the Kubernetes API.
  serviceAccount: import 'access/service-account.libsonnet',
  role: role.role,
  clusterRole: role.clusterRole,
  roleBinding: binding.roleBinding,
  clusterRoleBinding: binding.clusterRoleBinding,

  // The cluster and its namespaces.
  namespace: import 'cluster/namespace.libsonnet',
  limitRange: import 'cluster/limit-range.libsonnet',
  resourceQuota: import 'cluster/resource-quota.libsonnet',
  priorityClass: import 'cluster/priority-class.libsonnet',
  customResourceDefinition: import 'cluster/custom-resource-definition.libsonnet',

  // Monitoring.
  podMonitor: monitor.podMonitor,
  serviceMonitor: monitor.serviceMonitor,
  prometheusRule: import 'monitoring/prometheus-rule.libsonnet',
  dashboard: import 'monitoring/dashboard.libsonnet',

  // Parts of objects.
  container: import 'workloads/container.libsonnet',
  env: import 'workloads/env.libsonnet',
  metadata: import 'metadata.libsonnet',
  peers: import 'network/peers.libsonnet',
  pod: import 'workloads/pod.libsonnet',
  probes: import 'workloads/probes.libsonnet',
  secretVolume: import 'config/secret-volume.libsonnet',
  security: import 'workloads/security.libsonnet',

  // Values that depend on the environment: see environment.libsonnet.
  perEnvironment: environment.perEnvironment,
  overlay: environment.overlay,
}
