// One container.
local params = import '../params.libsonnet';
local env = import 'env.libsonnet';
local security = import 'security.libsonnet';

local defaults = {
  // Name of the container, a DNS label.
  name: params.required('container', 'name'),
  // Image reference.
  image: params.required('container', 'image'),
  // Command and arguments, instead of the image's entrypoint and cmd; null: the image's.
  command: null,
  args: null,
  // Environment variables; see env.libsonnet.
  env: {},
  // Container ports: map of name to number.
  ports: {},
  // Probes; see probes.libsonnet. null: none.
  readinessProbe: null,
  livenessProbe: null,
  startupProbe: null,
  // Lifecycle hooks (postStart, preStop) in the API's form; null: none but that of drainSeconds.
  lifecycle: null,
  // Seconds between the deletion of the pod and SIGTERM, in which the container serves those who do not know of it yet. Needs
  // no program in the image.
  drainSeconds: 0,
  // Resource requests and limits, merged over those of `disk` below.
  resources: { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '256Mi' } },
  // Volume mounts: map of volume name to path, or to {mountPath, readOnly, subPath}.
  mounts: {},
  // Merged over security.container.
  securityContext: {},
};

// A container that writes more than the limit to its own files, logs and emptyDir volumes is evicted, and fills no disk.
local disk = { requests: { 'ephemeral-storage': '16Mi' }, limits: { 'ephemeral-storage': '2Gi' } };

local mount(name, value) =
  { name: name } + (if std.type(value) == 'string' then { mountPath: value } else value);

local lifecycle(p) =
  local drain = if p.drainSeconds == 0 then {} else { preStop: { sleep: { seconds: p.drainSeconds } } };
  drain + (if p.lifecycle == null then {} else p.lifecycle);

// Returns a container of a pod. given: the parameters above.
function(given)
  local p = params.merge('container', defaults, given);
  params.compact({
    name: p.name,
    image: p.image,
    command: p.command,
    args: p.args,
    env: env.list(p.env),
    ports: [
      { name: name, containerPort: params.typed('container', 'ports.' + name, 'number', p.ports[name]) }
      for name in std.objectFields(p.ports)
    ],
    readinessProbe: p.readinessProbe,
    livenessProbe: p.livenessProbe,
    startupProbe: p.startupProbe,
    lifecycle: lifecycle(p),
    resources: std.mergePatch(disk, p.resources),
    volumeMounts: [mount(name, p.mounts[name]) for name in std.objectFields(p.mounts)],
    securityContext: std.mergePatch(security.container, p.securityContext),
  })
