// A ConfigMap that names the environment and the dependencies.
function(env, service, deps, images) {
  settings: {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: service.name },
    data: { env: env.name } + { [dep]: deps[dep].host for dep in std.objectFields(deps) },
  },
}
