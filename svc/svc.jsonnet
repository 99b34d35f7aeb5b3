// The stack's own object: which services it is made of, for people and programs that look at the namespace.
local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images) {
  stack: k.configMap({
    name: service.name + '-stack',
    service: service.name,
    environment: env,
    // It is looked up by its name, from outside of the stack.
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
