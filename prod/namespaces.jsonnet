// A namespace for each environment, under the restricted pod security standard.
//
// environments: environment name to namespace.
local k = import 'lib/k8s.libsonnet';

function(environments) {
  [environment]: k.namespace({
    name: environments[environment],
    labels: { 'turnup/environment': environment },
  })
  for environment in std.objectFields(environments)
}
