// Storage: a class of volumes, and a claim of one.
local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images) {
  class: k.storageClass({
    name: 'fast',
    provisioner: 'disk.example.com',
    parameters: { type: 'ssd' },
    reclaimPolicy: k.perEnvironment(env, { prod: 'Retain', default: 'Delete' }),
    allowVolumeExpansion: true,
  }),
  claim: k.claim({ name: service.name + '-files', service: service.name, environment: env, size: '10Gi', storageClassName: 'fast' }),
}
