// A StatefulSet: pods with stable names and optional storage for each.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';
local claim = import '../storage/claim.libsonnet';
local pod = import 'pod.libsonnet';

local defaults = {
  // Name of the StatefulSet and of its service, a DNS label.
  name: params.required('statefulset', 'name'),
  // {name, namespace}: the manifest's argument `env`.
  environment: params.required('statefulset', 'environment'),
  labels: {},
  annotations: {},
  // null: left to a HorizontalPodAutoscaler.
  replicas: 1,
  // Name of the headless Service that gives each pod its DNS name; null: NAME-nodes.
  serviceName: null,
  // Parameters of pod.libsonnet; the StatefulSet sets `name`.
  pod: params.required('statefulset', 'pod'),
  // Storage for each pod: map of volume name to parameters of claim.template. Mount it by
  // that name in the container's `mounts`.
  storage: {},
  // OrderedReady: pods start one by one, each when the previous one is ready. Parallel: all at once.
  podManagementPolicy: 'OrderedReady',
  updateStrategy: { type: 'RollingUpdate' },
  minReadySeconds: 0,
  revisionHistoryLimit: 3,
  // What happens to the claims when the StatefulSet is deleted or scaled down: Retain or Delete.
  storageRetention: { whenDeleted: 'Retain', whenScaled: 'Retain' },
};

// Returns a StatefulSet. given: the parameters above.
function(given)
  local p = params.merge('statefulset', defaults, given);
  {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: metadata.metadata('statefulset', p.name, p.name, p.environment, p.labels, p.annotations),
    spec: (if p.replicas == null then {} else { replicas: params.typed('statefulset', 'replicas', 'number', p.replicas) }) + {
      serviceName: if p.serviceName == null then p.name + '-nodes' else p.serviceName,
      selector: { matchLabels: metadata.selector(p.name) },
      podManagementPolicy: p.podManagementPolicy,
      updateStrategy: p.updateStrategy,
      minReadySeconds: p.minReadySeconds,
      revisionHistoryLimit: p.revisionHistoryLimit,
      persistentVolumeClaimRetentionPolicy: p.storageRetention,
      template: pod({ name: p.name } + p.pod),
      volumeClaimTemplates: [claim.template(name, p.storage[name]) for name in std.objectFields(p.storage)],
    },
  }
