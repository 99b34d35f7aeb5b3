// A ConfigMap: files or settings that are not secret.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local defaults = metadata.parameters('configMap') {
  // Map of key to text; other values are written as JSON.
  data: params.required('configMap', 'data'),
  // Map of key to base64, for bytes that are not text.
  binaryData: {},
  // null: the build appends a hash of the data to the name, so changed data becomes a new object.
  // false: the name stays the same, and running pods see changed data.
  immutable: null,
};

local text(value) = if std.type(value) == 'string' then value else std.manifestJsonEx(value, '  ') + '\n';

// Returns a ConfigMap. given: the parameters above, and those of metadata.parameters.
function(given)
  local p = params.merge('configMap', defaults, given);
  local data = params.typed('configMap', 'data', 'object', p.data);
  local both = [key for key in std.objectFields(p.binaryData) if std.objectHas(data, key)];
  if both != [] then
    error "configMap: the key '%s' is in 'data' and in 'binaryData'; keep one" % both[0]
  else params.compact({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata.of('configMap', p),
    immutable: p.immutable,
    binaryData: p.binaryData,
  }) + { data: { [key]: text(data[key]) for key in std.objectFields(data) } }
