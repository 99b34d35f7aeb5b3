// What whole services have in common: their parameters, and the objects beside their workload.
local serviceAccount = import '../access/service-account.libsonnet';
local configMap = import '../config/config-map.libsonnet';
local environment = import '../environment.libsonnet';
local metadata = import '../metadata.libsonnet';
local service = import '../network/service.libsonnet';
local params = import '../params.libsonnet';
local disruptionBudget = import '../workloads/disruption-budget.libsonnet';
local autoscaler = import '../workloads/horizontal-pod-autoscaler.libsonnet';

// Where one pod is not enough: a node may fail or be drained.
local replicasByEnvironment = { prod: 2, staging: 2, default: 1 };

// Parameters of every whole service.
local programDefaults(component) = {
  // {name, namespace}: the manifest's argument `env`.
  environment: params.required(component, 'environment'),
  // The contents of service.yaml: {name, port, ports}; the manifest's argument `service`.
  service: params.required(component, 'service'),
  // Image reference: an entry of the manifest's argument `images`.
  image: params.required(component, 'image'),
  labels: {},
  annotations: {},
  // Recommended labels; see metadata.recommended. The selector does not have them, so they may change. null: none, and the
  // instance is the name.
  instance: null,
  version: null,
  component: null,
  partOf: null,
  // For the main container; see container.libsonnet.
  command: null,
  args: null,
  env: {},
  resources: null,
  mounts: {},
  // Files: map of file name to text (other values become JSON), mounted read-only at /etc/config.
  // Changed contents start new pods, because the build appends a hash of them to the ConfigMap's name.
  config: {},
  // true: an own ServiceAccount without rights and token. An object: its parameters in service-account.libsonnet. The name of
  // another account. false: the namespace's default account.
  serviceAccount: true,
  // Overrides: more parameters of container.libsonnet and pod.libsonnet.
  container: {},
  pod: {},
};

// More parameters of services that run all the time.
local workloadDefaults = {
  readinessProbe: null,
  livenessProbe: null,
  startupProbe: null,
  // Parameters of horizontal-pod-autoscaler.libsonnet, which then sets the number of pods; null: none.
  autoscaling: null,
  // Parameters of disruption-budget.libsonnet, for two or more pods; null: no budget.
  disruptionBudget: {},
  // How pods are spread over nodes and zones; see spread.libsonnet.
  spread: {},
  // Overrides: more parameters of deployment.libsonnet or statefulset.libsonnet.
  workload: {},
};

// More parameters of services with a port.
local serverDefaults = {
  // Name of service.port in the container and the Service. The keys of service.ports name the others.
  portName: 'main',
  // Seconds between the deletion of a pod and its SIGTERM; see pod.libsonnet. null: the default of pods.
  drainSeconds: null,
  // Overrides: more parameters of service.libsonnet.
  serviceOverrides: {},
};

// Returns an object's field; {} if it is absent.
local field(object, name) = std.get(object, name, {});

local given(name, value) = if value == null then {} else { [name]: value };

local container(p, ports) = {
  image: p.image,
  command: p.command,
  args: p.args,
  env: p.env,
  ports: ports,
  readinessProbe: std.get(p, 'readinessProbe'),
  livenessProbe: std.get(p, 'livenessProbe'),
  startupProbe: std.get(p, 'startupProbe'),
  mounts: p.mounts,
} + given('resources', p.resources) + p.container;

// Returns the name of the pods' account; null for the namespace's default one.
local accountName(p, name) =
  if std.objectHas(p.pod, 'serviceAccountName') then p.pod.serviceAccountName
  else if std.type(p.serviceAccount) == 'string' then p.serviceAccount
  else if p.serviceAccount == false then null
  else name;

local ownsAccount(p) =
  !std.objectHas(p.pod, 'serviceAccountName') && (p.serviceAccount == true || std.type(p.serviceAccount) == 'object');

{
  // Defaults of all parameters of a kind of service.
  program:: programDefaults,
  workload(component):: programDefaults(component) + workloadDefaults + { replicas: null },
  server(component):: $.workload(component) + serverDefaults,

  // Returns p, the merged parameters, with what its objects need:
  // name; common: parameters of each object; ports; pod: parameters of pod.libsonnet; beside: the ConfigMap and ServiceAccount.
  //
  // withPorts: false if nothing connects to the pods.
  prepare(p, withPorts)::
    local name = p.service.name;
    local labels = metadata.recommended({ instance: p.instance, version: p.version, component: p.component, partOf: p.partOf }) + p.labels;
    local configName = if p.config == {} then null else name + '-config';
    local common = { name: name, environment: p.environment, labels: labels, annotations: p.annotations };
    local ports = if withPorts then field(p.service, 'ports') + { [p.portName]: p.service.port } else {};
    local pod = {
      container: container(p, ports),
      configMap: configName,
      serviceAccountName: accountName(p, name),
    } + given('drainSeconds', std.get(p, 'drainSeconds')) + given('spread', std.get(p, 'spread')) + p.pod {
      labels: labels + field(p.pod, 'labels'),
    };
    local beside = (
      if p.config == {} then {}
      else { configMap: configMap(common { name: configName, service: name, data: p.config }) }
    ) + (
      if !ownsAccount(p) then {}
      else { serviceAccount: serviceAccount(common + (if p.serviceAccount == true then {} else p.serviceAccount)) }
    );
    p { name: name, common: common, ports: ports, pod: pod, beside: beside },

  // Returns {autoscaler} and {disruptionBudget}, as far as p asks for them.
  //
  // p: a result of `prepare`. kind: the workload's. replicas: its number of pods.
  availability(p, kind, replicas)::
    (
      if p.autoscaling == null then {}
      else { autoscaler: autoscaler(p.common { target: { kind: kind, name: p.name }, minReplicas: replicas } + p.autoscaling) }
    ) + (
      if p.disruptionBudget == null || (replicas < 2 && p.autoscaling == null) then {}
      else { disruptionBudget: disruptionBudget(p.common + p.disruptionBudget) }
    ),

  // Returns the parameters of a Deployment or StatefulSet. p: a result of `prepare`.
  workloadParams(p, replicas):: p.common {
    replicas: if p.autoscaling == null then replicas else null,
    pod: p.pod,
  } + p.workload,

  // Returns the number of pods of a service that may have any number. p: its parameters.
  replicas(p):: if p.replicas == null then environment.perEnvironment(p.environment, replicasByEnvironment) else p.replicas,

  // Returns the Service. p: a result of `prepare`.
  service(p):: service(p.common { ports: p.ports } + p.serviceOverrides),
}
