// Names and labels that all objects of a service share.
//
// labels = selector + who made it + the caller's own. The selector never changes
// in the life of a service, because Kubernetes refuses that; nothing that may
// change (a version, an environment's settings) belongs into it.
local params = import 'params.libsonnet';

local maxNameLength = 63;

{
  // Returns the labels that select the pods of a service.
  selector(name):: { 'app.kubernetes.io/name': name },

  // Returns the labels of an object: the selector's, the maker's, then `extra`.
  labels(name, extra={}):: $.selector(name) { 'app.kubernetes.io/managed-by': 'turnup' } + extra,

  // Returns the name if it is a DNS label, else fails.
  checkName(component, name)::
    local letters = std.stringChars('abcdefghijklmnopqrstuvwxyz');
    local inner = letters + std.stringChars('0123456789-');
    local characters = std.stringChars(params.typed(component, 'name', 'string', name));
    local valid = std.length(name) > 0 && std.length(name) <= maxNameLength
                  && std.member(letters, characters[0])
                  && characters[std.length(name) - 1] != '-'
                  && std.length([c for c in characters if !std.member(inner, c)]) == 0;
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
