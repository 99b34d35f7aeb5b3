// A ConfigMap: files or settings that are not secret.
local metadata = import 'metadata.libsonnet';
local params = import 'params.libsonnet';

local defaults = {
  // Name of the object, a DNS label.
  name: params.required('configMap', 'name'),
  // Name of the service that the ConfigMap belongs to; null: `name`.
  service: null,
  // {name, namespace}: the manifest's argument `env`.
  environment: params.required('configMap', 'environment'),
  labels: {},
  annotations: {},
  // Map of key to text; other values are written as JSON.
  data: params.required('configMap', 'data'),
  // null: the build appends a hash of the data to the name, so changed data becomes a new object.
  // false: the name stays the same, and running pods see changed data.
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
