// A Deployment that is told where its dependencies are.
function(env, service, deps, images) {
  deployment: {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: service.name },
    spec: {
      selector: { matchLabels: { app: service.name } },
      template: {
        metadata: { labels: { app: service.name } },
        spec: {
          containers: [{
            name: name,
            image: images[name],
            args: ['%s=%s:%d' % [dep, deps[dep].host, deps[dep].port] for dep in std.objectFields(deps)],
          } for name in std.objectFields(images)],
        },
      },
    },
  },
}
