// The pod template that Deployments and StatefulSets share.
local container = import 'container.libsonnet';
local metadata = import 'metadata.libsonnet';
local params = import 'params.libsonnet';
local security = import 'security.libsonnet';

local defaults = {
  // Service that the pod belongs to; names the main container.
  name: params.required('pod', 'name'),
  // Labels and annotations besides the common ones.
  labels: {},
  annotations: {},
  // Parameters of container.libsonnet for the main container; its name defaults to the pod's.
  container: params.required('pod', 'container'),
  // Further containers and init containers: name to parameters of container.libsonnet.
  sidecars: {},
  initContainers: {},
  // Volumes: name to a volume source ({emptyDir: {}}, {configMap: {name: …}}).
  volumes: {},
  // A writable /tmp in memory-backed or disk-backed scratch space; null: none.
  tmp: { emptyDir: { sizeLimit: '64Mi' } },
  // Files mounted at configPath from the ConfigMap of that name; null: none.
  configMap: null,
  configPath: '/etc/config',
  serviceAccountName: null,
  // Only a pod that talks to the Kubernetes API needs a token.
  automountServiceAccountToken: false,
  // Seconds between the stop signal and the kill.
  terminationGracePeriodSeconds: 30,
  // Where it may run; null or empty: anywhere. Replicas are spread over the nodes where possible.
  affinity: null,
  nodeSelector: {},
  tolerations: [],
  // Seconds after which the pod is replaced when its node is lost; null: the cluster's five minutes.
  nodeLossSeconds: null,
  priorityClassName: null,
  // Merged over security.pod.
  securityContext: {},
};

local lossTolerations(seconds) = [
  { key: 'node.kubernetes.io/' + key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: seconds }
  for key in ['not-ready', 'unreachable']
];

local named(map, extra) = [
  container({ name: name } + extra(map[name]))
  for name in std.objectFields(map)
];

// Returns {metadata, spec} of a pod template. given: the parameters above.
function(given)
  local p = params.merge('pod', defaults, given);
  local volumes = p.volumes
                  + (if p.tmp == null then {} else { tmp: p.tmp })
                  + (if p.configMap == null then {} else { config: { configMap: { name: p.configMap } } });
  // Every container gets /tmp and the configuration; its own mounts may override them.
  local mounts = (if p.tmp == null then {} else { tmp: '/tmp' })
                 + (if p.configMap == null then {} else { config: { mountPath: p.configPath, readOnly: true } });
  local mounted(c) = c { mounts: mounts + (if std.objectHas(c, 'mounts') then c.mounts else {}) };
  {
    metadata: params.compact({
      labels: metadata.labels(p.name, p.labels),
      annotations: p.annotations,
    }),
    spec: params.compact({
      serviceAccountName: p.serviceAccountName,
      automountServiceAccountToken: p.automountServiceAccountToken,
      // Variables such as REDIS_PORT=tcp://… of other services surprise programs that read REDIS_PORT.
      enableServiceLinks: false,
      terminationGracePeriodSeconds: p.terminationGracePeriodSeconds,
      securityContext: std.mergePatch(security.pod, p.securityContext),
      affinity: p.affinity,
      nodeSelector: p.nodeSelector,
      tolerations: p.tolerations + (if p.nodeLossSeconds == null then [] else lossTolerations(p.nodeLossSeconds)),
      priorityClassName: p.priorityClassName,
      topologySpreadConstraints: [{
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: metadata.selector(p.name) },
      }],
      initContainers: named(p.initContainers, mounted),
      containers: [container({ name: p.name } + mounted(p.container))] + named(p.sidecars, mounted),
      volumes: [{ name: name } + volumes[name] for name in std.objectFields(volumes)],
    }),
  }
