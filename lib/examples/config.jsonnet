// Settings and secrets: the repository has no value of a Secret.
local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images)
  local name = service.name;
  {
    settings: k.configMap({ name: name + '-settings', service: name, environment: env, data: { 'log.json': { level: 'info' }, motd: 'hello' } }),
    // The first apply makes it in the cluster.
    generated: k.generatedSecret({ name: name + '-session', service: name, environment: env, keys: ['key'] }),
    // A store outside of the cluster has it.
    external: k.externalSecret({
      name: name + '-payments',
      service: name,
      environment: env,
      store: { name: 'vault', kind: 'ClusterSecretStore' },
      keys: { token: { key: '%s/payments' % env.name, property: 'token' } },
    }),
    deployment: k.deployment({
      name: name,
      environment: env,
      pod: {
        configMap: name + '-settings',
        volumes: { payments: k.secretVolume({ name: name + '-payments', keys: ['token'] }) },
        container: {
          image: images.server,
          env: { SESSION_KEY: k.env.secret(name + '-session', 'key'), MOTD: k.env.config(name + '-settings', 'motd') },
          mounts: { payments: { mountPath: '/run/secrets/payments', readOnly: true } },
        },
      },
    }),
  }
