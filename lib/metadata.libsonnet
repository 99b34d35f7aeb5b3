// Names and labels that all objects of a service share.
//
// labels = selector + instance + managed-by + the caller's own. The selector never changes
// during the life of a service, because it is immutable in Kubernetes. So anything that
// may change (a version, an environment's settings) must stay out of it.
local params = import 'params.libsonnet';

local letters = 'abcdefghijklmnopqrstuvwxyz';
local maxNameLength = 63;
local prefix = 'app.kubernetes.io/';

{
  // Returns the labels that select the pods of a service.
  selector(name):: { [prefix + 'name']: name },

  // Returns the labels of an object: the selector, instance, managed-by, then `extra`.
  labels(name, extra={}):: $.selector(name) { [prefix + 'instance']: name, [prefix + 'managed-by']: 'turnup' } + extra,

  // Returns the labels that Kubernetes recommends beside the name, for `labels` of any object.
  //
  // given: instance (null: the name), version, component (what the object is in its application: database, worker) and partOf
  // (the application). null: no such label.
  recommended(given)::
    local p = params.merge('labels', { instance: null, version: null, component: null, partOf: null }, given);
    local values = { instance: p.instance, version: p.version, component: p.component, 'part-of': p.partOf };
    { [prefix + name]: $._labelValue(name, values[name]) for name in std.objectFields(values) if values[name] != null },

  _labelValue(name, value)::
    local text = params.typed('labels', name, 'string', value);
    local alphanumeric = letters + std.asciiUpper(letters) + '0123456789';
    local valid = std.length(text) > 0 && std.length(text) <= maxNameLength
                  && std.stripChars(text, alphanumeric + '-_.') == ''
                  && std.stripChars(text[0] + text[std.length(text) - 1], alphanumeric) == '';
    if valid then text
    else error "labels: %s is '%s'; use up to %d letters, digits, '-', '_' and '.', with a letter or digit at both ends" % [name, text, maxNameLength],

  // Returns the name if it is a DNS label; fails otherwise.
  //
  // component: for the error message, such as 'deployment'.
  checkName(component, name)::
    local text = params.typed(component, 'name', 'string', name);
    // stripChars returns '' only for a text that consists of the given characters.
    local valid = std.length(text) > 0 && std.length(text) <= maxNameLength
                  && std.stripChars(text, letters + '0123456789-') == ''
                  && std.stripChars(text[0], letters) == ''
                  && text[std.length(text) - 1] != '-';
    if valid then name
    else error "%s: name '%s' is not a DNS label; use up to %d of a-z, 0-9 and '-', start with a letter and don't end with '-'" % [
      component,
      name,
      maxNameLength,
    ],

  // Returns an object's metadata.
  //
  // component: for error messages. name: the object's name. service: the service it
  // belongs to. environment: {name, namespace}; null for an object without a
  // namespace. labels, annotations: the caller's own.
  metadata(component, name, service, environment, labels={}, annotations={})::
    params.compact({
      name: $.checkName(component, name),
      namespace: if environment == null then null else environment.namespace,
      labels: $.labels(service, labels),
      annotations: annotations,
    }),

  // Returns the parameters that every component for an object without a namespace has.
  clusterParameters(component):: {
    // Name of the object, a DNS label.
    name: params.required(component, 'name'),
    // Name of the service that the object belongs to; null: `name`.
    service: null,
    // Labels and annotations in addition to the common ones.
    labels: {},
    annotations: {},
  },

  // Returns the parameters that every component for an object in a namespace has.
  parameters(component):: $.clusterParameters(component) {
    // {name, namespace}: the manifest's argument `env`.
    environment: params.required(component, 'environment'),
  },

  // Returns the service that an object belongs to. p: the object's parameters.
  serviceOf(p):: if p.service == null then p.name else p.service,

  // Returns the metadata of an object. p: the merged parameters, which include the ones above.
  of(component, p)::
    $.metadata(component, p.name, $.serviceOf(p), std.get(p, 'environment'), p.labels, p.annotations),
}
