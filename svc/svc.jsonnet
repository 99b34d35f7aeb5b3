// The stack's own object: the list of its services, for people and programs that inspect the namespace.
local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images) {
  stack: k.configMap({
    name: service.name + '-stack',
    service: service.name,
    environment: env,
    // Programs outside of the stack find it by its name.
    annotations: { 'turnup/stable-name': 'true' },
    data: {
      environment: env.name,
      services: [
        { name: deps[dep].name, host: deps[dep].host, port: deps[dep].port }
        for dep in std.objectFields(deps)
      ],
    },
  }),
}
