// A DaemonSet: one pod on each node.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';
local pod = import 'pod.libsonnet';

local defaults = {
  // Name of the DaemonSet and of its service, a DNS label.
  name: params.required('daemonset', 'name'),
  // {name, namespace}: the manifest's argument `env`.
  environment: params.required('daemonset', 'environment'),
  labels: {},
  annotations: {},
  // Parameters of pod.libsonnet; the DaemonSet sets `name`. A `nodeSelector` restricts the nodes. For nodes that repel pods,
  // such as control planes, add `tolerations`.
  pod: params.required('daemonset', 'pod'),
  // Node by node: the old pod ends before the new one starts.
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
  minReadySeconds: 0,
  revisionHistoryLimit: 3,
};

// Returns a DaemonSet. given: the parameters above.
function(given)
  local p = params.merge('daemonset', defaults, given);
  {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: metadata.metadata('daemonset', p.name, p.name, p.environment, p.labels, p.annotations),
    spec: {
      selector: { matchLabels: metadata.selector(p.name) },
      updateStrategy: p.updateStrategy,
      minReadySeconds: p.minReadySeconds,
      revisionHistoryLimit: p.revisionHistoryLimit,
      // There is nothing to spread: each node has one.
      template: pod({ name: p.name, spread: { node: null, zone: null } } + p.pod),
    },
  }
