// A Secret with random values that the first apply makes in the cluster and that stay (annotation turnup/generate).
local metadata = import 'metadata.libsonnet';
local params = import 'params.libsonnet';

local defaults = {
  // Name of the object, a DNS label. It stays as it is: the build knows no content to hash.
  name: params.required('generatedSecret', 'name'),
  // Name of the service that the Secret belongs to; null: `name`.
  service: null,
  // {name, namespace}: the manifest's argument `env`.
  environment: params.required('generatedSecret', 'environment'),
  // List of keys, each of which gets a value of 32 letters and digits.
  keys: params.required('generatedSecret', 'keys'),
  labels: {},
  annotations: {},
};

// Returns a Secret without values. given: the parameters above.
function(given)
  local p = params.merge('generatedSecret', defaults, given);
  local keys = params.typed('generatedSecret', 'keys', 'array', p.keys);
  local service = if p.service == null then p.name else p.service;
  if keys == [] then
    error "generatedSecret: parameter 'keys' is empty; list at least one key"
  else {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadata.metadata(
      'generatedSecret',
      p.name,
      service,
      p.environment,
      p.labels,
      { 'turnup/generate': std.join(', ', keys) } + p.annotations,
    ),
  }
