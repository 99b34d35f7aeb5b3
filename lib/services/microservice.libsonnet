// All objects of one service: a workload, its Service, its ServiceAccount, its
// ConfigMap, its PodDisruptionBudget and its HorizontalPodAutoscaler.
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
//
// The parameters are in parts.libsonnet.
local service = import '../network/service.libsonnet';
local params = import '../params.libsonnet';
local deployment = import '../workloads/deployment.libsonnet';
local statefulset = import '../workloads/statefulset.libsonnet';
local parts = import 'parts.libsonnet';

{
  // Returns a service with interchangeable pods: {deployment, service, serviceAccount}, and configMap if there are files,
  // autoscaler if there is `autoscaling`, and disruptionBudget if there are several replicas. Their default number is two in
  // prod and staging, and one elsewhere.
  stateless(given):: $.statelessOf('microservice', parts.server('microservice'), given),

  // The same under another component's name, with more parameters.
  statelessOf(component, defaults, given)::
    local p = parts.prepare(params.merge(component, defaults, given), true);
    local replicas = parts.replicas(p);
    {
      deployment: deployment(parts.workloadParams(p, replicas)),
      service: parts.service(p),
    } + p.beside + parts.availability(p, 'Deployment', replicas),

  // Returns a service whose pods have stable names and storage: {statefulset, service, nodes},
  // and the other objects as for `stateless`. `nodes` is the headless Service that gives
  // pod N the DNS name NAME-N.NAME-nodes even before it is ready, so that peers find each other.
  //
  // given: as for `stateless`, plus `storage` (see statefulset.libsonnet). There is one replica by default, because most
  // programs with storage must be told about each other.
  stateful(given):: $.statefulOf('microservice', parts.server('microservice') { storage: {} }, given),

  // The same under another component's name, with more parameters.
  statefulOf(component, defaults, given)::
    local p = parts.prepare(params.merge(component, defaults, given), true);
    local replicas = if p.replicas == null then 1 else p.replicas;
    {
      statefulset: statefulset({ storage: p.storage } + parts.workloadParams(p, replicas)),
      service: parts.service(p),
      nodes: service(p.common {
        name: p.name + '-nodes',
        selects: p.name,
        ports: p.ports,
        headless: true,
        publishNotReadyAddresses: true,
      }),
    } + p.beside + parts.availability(p, 'StatefulSet', replicas),
}
