// One container.
local env = import 'env.libsonnet';
local params = import 'params.libsonnet';
local security = import 'security.libsonnet';

local defaults = {
  // Name in the pod, a DNS label.
  name: params.required('container', 'name'),
  // Image reference.
  image: params.required('container', 'image'),
  // What to run in place of the image's entrypoint and its arguments; null: the image's.
  command: null,
  args: null,
  // Environment variables; see env.libsonnet.
  env: {},
  // Container ports: name to number.
  ports: {},
  // Probes; see probes.libsonnet. null: none.
  readinessProbe: null,
  livenessProbe: null,
  startupProbe: null,
  // Commands at start and stop, as Kubernetes has them; null: none.
  lifecycle: null,
  // What it needs and what it may use at most.
  resources: { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '256Mi' } },
  // Mounts: volume name to path, or to {mountPath, readOnly, subPath}.
  mounts: {},
  // Merged over security.container.
  securityContext: {},
};

local mount(name, value) =
  { name: name } + (if std.type(value) == 'string' then { mountPath: value } else value);

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
    lifecycle: p.lifecycle,
    resources: p.resources,
    volumeMounts: [mount(name, p.mounts[name]) for name in std.objectFields(p.mounts)],
    securityContext: std.mergePatch(security.container, p.securityContext),
  })
