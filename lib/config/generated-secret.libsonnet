// A Secret with random values that the first apply makes in the cluster and that stay (annotation turnup/generate).
//
// Its name stays as it is, because the build knows no content to hash.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local defaults = metadata.parameters('generatedSecret') {
  // List of keys, each of which gets a value of 32 letters and digits.
  keys: params.required('generatedSecret', 'keys'),
};

// Returns a Secret without values. given: the parameters above, and those of metadata.parameters.
function(given)
  local p = params.merge('generatedSecret', defaults, given);
  local keys = params.notEmpty('generatedSecret', 'keys', p.keys);
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadata.of('generatedSecret', p { annotations: { 'turnup/generate': std.join(', ', keys) } + p.annotations }),
  }
