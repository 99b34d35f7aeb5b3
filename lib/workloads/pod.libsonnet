// The pod template that all workloads share.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';
local container = import 'container.libsonnet';
local security = import 'security.libsonnet';
local spread = import 'spread.libsonnet';

local defaults = {
  // Name of the service that the pod belongs to, and of the main container.
  name: params.required('pod', 'name'),
  // Labels and annotations in addition to the common ones.
  labels: {},
  annotations: {},
  // Parameters of container.libsonnet for the main container; its name defaults to the pod's.
  container: params.required('pod', 'container'),
  // More containers and init containers: map of name to parameters of container.libsonnet.
  sidecars: {},
  initContainers: {},
  // Volumes: map of name to volume source, such as {emptyDir: {}} or {configMap: {name: …}}.
  volumes: {},
  // The volume source of a writable /tmp in every container; null: no /tmp.
  tmp: { emptyDir: { sizeLimit: '64Mi' } },
  // Name of the ConfigMap whose files are mounted at configPath; null: none.
  configMap: null,
  configPath: '/etc/config',
  serviceAccountName: null,
  // Only a pod that talks to the Kubernetes API needs a token.
  automountServiceAccountToken: false,
  // Seconds between the deletion of the pod and SIGKILL.
  terminationGracePeriodSeconds: 30,
  // Seconds of those before SIGTERM. Proxies and clients learn some time after the deletion that the pod is gone; until then it
  // serves as before. It is for a main container with ports. 0: SIGTERM comes at once, for programs that wait themselves. null: 5,
  // and at most half of the above.
  drainSeconds: null,
  // Always, OnFailure or Never; null: the API's default, Always.
  restartPolicy: null,
  // Where the pod may run; null or empty: anywhere.
  affinity: null,
  nodeSelector: {},
  tolerations: [],
  // How replicas are spread; see spread.libsonnet. It is merged over `spreadDefaults` below.
  spread: {},
  // Seconds after a node failure until the pod is evicted; null: the cluster's default, usually 300.
  nodeLossSeconds: null,
  priorityClassName: null,
  // Names of Secrets by which nodes log in to the registry of the images.
  imagePullSecrets: [],
  // Merged over security.pod.
  securityContext: {},
};

// Over nodes and zones where possible.
local spreadDefaults = { node: 'ScheduleAnyway', zone: 'ScheduleAnyway' };

local lossTolerations(seconds) = [
  { key: 'node.kubernetes.io/' + key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: seconds }
  for key in ['not-ready', 'unreachable']
];

local named(map, extra) = [
  container({ name: name } + extra(map[name]))
  for name in std.objectFields(map)
];

// Returns the seconds that the main container serves on.
local drainSeconds(p) =
  local ports = std.get(p.container, 'ports', {});
  if ports == {} then 0
  else if p.drainSeconds == null then std.min(5, std.floor(p.terminationGracePeriodSeconds / 2))
  else if p.drainSeconds >= p.terminationGracePeriodSeconds then
    error "pod: parameter 'drainSeconds' is %d, and the pod is killed after terminationGracePeriodSeconds, %d; give the program more time between them" % [
      p.drainSeconds,
      p.terminationGracePeriodSeconds,
    ]
  else p.drainSeconds;

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
      // Kubernetes would add variables for other services, such as REDIS_PORT=tcp://…, and break programs that read REDIS_PORT.
      enableServiceLinks: false,
      terminationGracePeriodSeconds: p.terminationGracePeriodSeconds,
      securityContext: std.mergePatch(security.pod, p.securityContext),
      affinity: p.affinity,
      nodeSelector: p.nodeSelector,
      tolerations: p.tolerations + (if p.nodeLossSeconds == null then [] else lossTolerations(p.nodeLossSeconds)),
      priorityClassName: p.priorityClassName,
      topologySpreadConstraints: spread(p.name, spreadDefaults + p.spread),
      restartPolicy: params.oneOf('pod', 'restartPolicy', [null, 'Always', 'OnFailure', 'Never'], p.restartPolicy),
      imagePullSecrets: [{ name: name } for name in p.imagePullSecrets],
      initContainers: named(p.initContainers, mounted),
      containers: [container({ name: p.name, drainSeconds: drainSeconds(p) } + mounted(p.container))] + named(p.sidecars, mounted),
      volumes: [{ name: name } + volumes[name] for name in std.objectFields(volumes)],
    }),
  }
