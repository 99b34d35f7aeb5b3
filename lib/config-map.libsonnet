// A ConfigMap: files or settings without secrets.
local metadata = import 'metadata.libsonnet';
local params = import 'params.libsonnet';

local defaults = {
  // Name of the object, a DNS label.
  name: params.required('configMap', 'name'),
  // Service that it belongs to; null: the one of its own name.
  service: null,
  // {name, namespace}: the manifest's argument `env`.
  environment: params.required('configMap', 'environment'),
  labels: {},
  annotations: {},
  // Key to text; any other value is written as JSON.
  data: params.required('configMap', 'data'),
  // Null: the build puts a hash of the data behind the name, so that a change is a new object.
  // False: the name stays, and running pods see changed data.
  immutable: null,
};

local text(value) = if std.type(value) == 'string' then value else std.manifestJsonEx(value, '  ') + '\n';

// Returns a ConfigMap. given: the parameters above.
function(given)
  local p = params.merge('configMap', defaults, given);
  local service = if p.service == null then p.name else p.service;
  params.compact({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata.metadata('configMap', p.name, service, p.environment, p.labels, p.annotations),
    immutable: p.immutable,
  }) + { data: { [key]: text(p.data[key]) for key in std.objectFields(p.data) } }
