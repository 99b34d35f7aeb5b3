// A namespace for each environment, under the restricted pod security standard, and the limits of containers in it that name none.
//
// environments: map of environment name to namespace.
// developer_environment: the environment that is each developer's own namespace.
local k = import 'lib/k8s.libsonnet';

local marks(environment, developer_environment) =
  // Only its owner's stack has a developer's namespace. The setup of any other developer would prune it.
  if environment == developer_environment then { 'turnup/on-remove': 'keep' } else {};

function(environments, developer_environment) {
  [environment]: k.namespace({
    name: environments[environment],
    labels: { 'turnup/environment': environment },
    annotations: marks(environment, developer_environment),
  })
  for environment in std.objectFields(environments)
} + {
  [environment + '-limits']: k.limitRange({
    name: 'defaults',
    environment: { name: environment, namespace: environments[environment] },
    annotations: marks(environment, developer_environment),
  })
  for environment in std.objectFields(environments)
}
