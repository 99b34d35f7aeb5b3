local k = import 'turnup/lib/k8s.libsonnet';

function(env, service, deps, images) {
  settings: k.configMap({ name: service.name, service: service.name, environment: env, data: { port: '' + service.port } }),
}
