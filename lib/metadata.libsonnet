// Names and labels that all objects of a service share.
//
// labels = selector + who made it + the caller's own. The selector never changes
// in the life of a service, because Kubernetes refuses that; nothing that may
// change (a version, an environment's settings) belongs into it.
local params = import 'params.libsonnet';

local letters = 'abcdefghijklmnopqrstuvwxyz';
local maxNameLength = 63;

{
  // Returns the labels that select the pods of a service.
  selector(name):: { 'app.kubernetes.io/name': name },

  // Returns the labels of an object: the selector's, the maker's, then `extra`.
  labels(name, extra={}):: $.selector(name) { 'app.kubernetes.io/managed-by': 'turnup' } + extra,

  // Returns the name if it is a DNS label, else fails.
  checkName(component, name)::
    local text = params.typed(component, 'name', 'string', name);
    // Nothing is left of a text that has only the characters to strip.
    local valid = std.length(text) > 0 && std.length(text) <= maxNameLength
                  && std.stripChars(text, letters + '0123456789-') == ''
                  && std.stripChars(text[0], letters) == ''
                  && text[std.length(text) - 1] != '-';
    if valid then name
    else error "%s: name '%s' is no DNS label; use up to %d of a-z, 0-9 and -, starting with a letter" % [
      component,
      name,
      maxNameLength,
    ],

  // Returns an object's metadata.
  //
  // component:   for messages. name: the object's name. service: the service it
  // belongs to. environment: {name, namespace}, null for an object without a
  // namespace. labels, annotations: the caller's own.
  metadata(component, name, service, environment, labels={}, annotations={})::
    params.compact({
      name: $.checkName(component, name),
      namespace: if environment == null then null else environment.namespace,
      labels: $.labels(service, labels),
      annotations: annotations,
    }),
}
