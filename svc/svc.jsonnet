// The stack's own object: which services it is made of, for people and programs that look at the namespace.
local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images) {
  stack: k.configMap({
    name: service.name + '-stack',
    service: service.name,
    environment: env,
    data: {
      environment: env.name,
      services: [
        { name: deps[dep].name, host: deps[dep].host, port: deps[dep].port }
        for dep in std.objectFields(deps)
      ],
    },
  }),
}
