// The library that manifests import: functions that generate Kubernetes objects.
//
//   local k = import 'lib/k8s.libsonnet';
//
// Conventions: each function that generates an object takes ONE object of named
// parameters and rejects unknown names. Fields and values are
// spelled as in the Kubernetes API. Where the API has a list of named things,
// parameters take a map of name to value. Results are plain objects, so `+:` patches them.
local claim = import 'claim.libsonnet';
local environment = import 'environment.libsonnet';
local microservice = import 'microservice.libsonnet';
{
  // All objects of a service: see microservice.libsonnet.
  microservice: microservice.stateless,
  statefulMicroservice: microservice.stateful,

  // Single objects: see the file of each.
  claim: claim.claim,
  configMap: import 'config-map.libsonnet',
  deployment: import 'deployment.libsonnet',
  disruptionBudget: import 'disruption-budget.libsonnet',
  generatedSecret: import 'generated-secret.libsonnet',
  namespace: import 'namespace.libsonnet',
  service: import 'service.libsonnet',
  statefulset: import 'statefulset.libsonnet',

  // Parts of objects.
  container: import 'container.libsonnet',
  env: import 'env.libsonnet',
  metadata: import 'metadata.libsonnet',
  pod: import 'pod.libsonnet',
  probes: import 'probes.libsonnet',
  security: import 'security.libsonnet',

  // Values that depend on the environment: see environment.libsonnet.
  perEnvironment: environment.perEnvironment,
  overlay: environment.overlay,
}
