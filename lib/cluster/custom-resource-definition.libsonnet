// A CustomResourceDefinition from a file, which its project publishes.
//
//   k.customResourceDefinition({ manifest: importstr 'widgets.yaml' })
local params = import '../params.libsonnet';

local defaults = {
  // The text of a YAML or JSON file with one definition, or the definition.
  manifest: params.required('customResourceDefinition', 'manifest'),
  // Labels and annotations in addition to the definition's own.
  labels: {},
  annotations: {},
};

// Returns the documents of a text. Engines differ in what they make of comments before the first one.
local documents(text) =
  local parsed = std.parseYaml(text);
  [document for document in (if std.type(parsed) == 'array' then parsed else [parsed]) if document != null];

local only(values) =
  if std.length(values) == 1 then values[0]
  else error "customResourceDefinition: parameter 'manifest' has %d documents; pass one definition per call" % std.length(values);

local field(object, path) = std.foldl(
  function(value, name) if std.type(value) == 'object' then std.get(value, name) else null,
  path,
  object,
);

local fault(object) =
  local versions = field(object, ['spec', 'versions']);
  local name = field(object, ['metadata', 'name']);
  local expected = '%s.%s' % [field(object, ['spec', 'names', 'plural']), field(object, ['spec', 'group'])];
  if field(object, ['apiVersion']) != 'apiextensions.k8s.io/v1' || field(object, ['kind']) != 'CustomResourceDefinition' then
    'is %s %s; pass an apiextensions.k8s.io/v1 CustomResourceDefinition' % [field(object, ['apiVersion']), field(object, ['kind'])]
  else if name != expected then
    'has the name %s; Kubernetes wants PLURAL.GROUP, %s' % [name, expected]
  else if std.type(versions) != 'array' || std.length([v for v in versions if field(v, ['storage']) == true]) != 1 then
    'of %s has not exactly one version with storage: true; mark the one that is stored' % name
  else
    local bare = [field(v, ['name']) for v in versions if field(v, ['schema', 'openAPIV3Schema']) == null];
    if bare == [] then null
    else 'of %s has no schema for version %s; add spec.versions[].schema.openAPIV3Schema' % [name, bare[0]];

// Returns the CustomResourceDefinition. given: the parameters above.
function(given)
  local p = params.merge('customResourceDefinition', defaults, given);
  local object = if std.type(p.manifest) == 'string' then only(documents(p.manifest)) else p.manifest;
  local found = fault(object);
  if found != null then
    error "customResourceDefinition: parameter 'manifest' " + found
  else object {
    metadata+: params.compact({
      labels: std.get(object.metadata, 'labels', {}) + p.labels,
      annotations: std.get(object.metadata, 'annotations', {}) + p.annotations,
    }),
  }
