// A Deployment: interchangeable pods.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';
local pod = import 'pod.libsonnet';

local defaults = {
  // Name of the Deployment and of its service, a DNS label.
  name: params.required('deployment', 'name'),
  // {name, namespace}: the manifest's argument `env`.
  environment: params.required('deployment', 'environment'),
  labels: {},
  annotations: {},
  // null: left to a HorizontalPodAutoscaler.
  replicas: 1,
  // Parameters of pod.libsonnet; the Deployment sets `name`.
  pod: params.required('deployment', 'pod'),
  // A new pod must be ready before an old one is deleted.
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  minReadySeconds: 0,
  revisionHistoryLimit: 3,
  // Seconds without progress after which the rollout counts as failed.
  progressDeadlineSeconds: 120,
};

// Returns a Deployment. given: the parameters above.
function(given)
  local p = params.merge('deployment', defaults, given);
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata.metadata('deployment', p.name, p.name, p.environment, p.labels, p.annotations),
    spec: (if p.replicas == null then {} else { replicas: params.typed('deployment', 'replicas', 'number', p.replicas) }) + {
      selector: { matchLabels: metadata.selector(p.name) },
      strategy: p.strategy,
      minReadySeconds: p.minReadySeconds,
      revisionHistoryLimit: p.revisionHistoryLimit,
      progressDeadlineSeconds: p.progressDeadlineSeconds,
      template: pod({ name: p.name } + p.pod),
    },
  }
