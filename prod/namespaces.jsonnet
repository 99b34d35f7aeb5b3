// A namespace for each environment, under the restricted pod security standard.
//
// environments: environment name to namespace.
local k = import 'lib/k8s.libsonnet';

function(environments) {
  [environment]: k.namespace({
    name: environments[environment],
    labels: { 'turnup/environment': environment },
    // A developer's namespace is in the set of its owner alone: to everybody else's setup it would look as if it had left.
    annotations: if environment == 'myns' then { 'turnup/on-remove': 'keep' } else {},
  })
  for environment in std.objectFields(environments)
}
