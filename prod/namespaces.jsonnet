// A namespace for each environment, under the restricted pod security standard.
//
// environments: map of environment name to namespace.
// developer_environment: the environment that is each developer's own namespace.
local k = import 'lib/k8s.libsonnet';

function(environments, developer_environment) {
  [environment]: k.namespace({
    name: environments[environment],
    labels: { 'turnup/environment': environment },
    // Only its owner's stack has a developer's namespace. The setup of any other developer would prune it.
    annotations: if environment == developer_environment then { 'turnup/on-remove': 'keep' } else {},
  })
  for environment in std.objectFields(environments)
}
