// All objects of one service: a workload, its Service, its
// ConfigMap and its PodDisruptionBudget.
//
//   local k = import 'lib/k8s.libsonnet';
//
//   function(env, service, deps, images)
//     k.microservice({
//       environment: env,
//       service: service,
//       image: images.server,
//       env: {REDIS_HOST: deps.redis.host, REDIS_PORT: deps.redis.port},
//       readinessProbe: k.probes.grpc(service.port),
//     })
//
// Each object is a field, so you can patch one of them:
//   k.microservice({…}) + {deployment+: {spec+: {minReadySeconds: 5}}}
local configMap = import '../config/config-map.libsonnet';
local service = import '../network/service.libsonnet';
local params = import '../params.libsonnet';
local deployment = import '../workloads/deployment.libsonnet';
local disruptionBudget = import '../workloads/disruption-budget.libsonnet';
local statefulset = import '../workloads/statefulset.libsonnet';

local defaults = {
  // {name, namespace}: the manifest's argument `env`.
  environment: params.required('microservice', 'environment'),
  // The contents of service.yaml: {name, port, ports}; the manifest's argument `service`.
  service: params.required('microservice', 'service'),
  // Image reference: an entry of the manifest's argument `images`.
  image: params.required('microservice', 'image'),
  replicas: 1,
  // Name of service.port in the container and the Service. The keys of service.ports name the others.
  portName: 'main',
  labels: {},
  annotations: {},
  // For the main container; see container.libsonnet.
  command: null,
  args: null,
  env: {},
  readinessProbe: null,
  livenessProbe: null,
  startupProbe: null,
  resources: null,
  mounts: {},
  // Files: map of file name to text (other values become JSON), mounted read-only at /etc/config.
  // Changed contents start new pods, because the build appends a hash of them to the ConfigMap's name.
  config: {},
  // Overrides: more parameters of container.libsonnet, pod.libsonnet, service.libsonnet,
  // and of deployment.libsonnet or statefulset.libsonnet.
  container: {},
  pod: {},
  serviceOverrides: {},
  workload: {},
};

local containerOf(p, ports) = {
  image: p.image,
  command: p.command,
  args: p.args,
  env: p.env,
  ports: ports,
  readinessProbe: p.readinessProbe,
  livenessProbe: p.livenessProbe,
  startupProbe: p.startupProbe,
  mounts: p.mounts,
} + (if p.resources == null then {} else { resources: p.resources }) + p.container;

// Returns an object's field; {} if it is absent.
local field(object, name) = if std.objectHas(object, name) then object[name] else {};

// Returns the parameters for the objects of a service.
local prepare(given, extra) =
  local p = params.merge('microservice', defaults + extra, given);
  local name = p.service.name;
  local ports = field(p.service, 'ports') + { [p.portName]: p.service.port };
  local configName = if p.config == {} then null else name + '-config';
  local common = { name: name, environment: p.environment, labels: p.labels, annotations: p.annotations };
  p {
    name: name,
    ports: ports,
    common: common,
    workloadParams: common {
      replicas: p.replicas,
      pod: { container: containerOf(p, ports), configMap: configName } + p.pod {
        labels: p.labels + field(p.pod, 'labels'),
      },
    } + p.workload,
    optional: (
      if p.config == {} then {}
      else { configMap: configMap(common { name: configName, service: name, data: p.config }) }
    ) + (
      if p.replicas < 2 then {} else { disruptionBudget: disruptionBudget(common) }
    ),
  };

{
  // Returns a service with interchangeable pods: {deployment, service}, and
  // configMap if there are files, and disruptionBudget if there are several replicas.
  stateless(given)::
    local p = prepare(given, {});
    {
      deployment: deployment(p.workloadParams),
      service: service(p.common { ports: p.ports } + p.serviceOverrides),
    } + p.optional,

  // Returns a service whose pods have stable names and storage: {statefulset, service, nodes},
  // and the optional objects as for `stateless`. `nodes` is the headless Service that gives
  // pod N the DNS name NAME-N.NAME-nodes even before it is ready, so that peers find each other.
  //
  // given: as for `stateless`, plus `storage` (see statefulset.libsonnet).
  stateful(given)::
    local p = prepare(given, { storage: {} });
    {
      statefulset: statefulset({ storage: p.storage } + p.workloadParams),
      service: service(p.common { ports: p.ports } + p.serviceOverrides),
      nodes: service(p.common {
        name: p.name + '-nodes',
        selects: p.name,
        ports: p.ports,
        headless: true,
        publishNotReadyAddresses: true,
      }),
    } + p.optional,
}
