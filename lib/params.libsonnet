// Checked parameters: a missing mandatory parameter and an unknown one are errors,
// so a misspelled name never goes unnoticed.

// What other tools call a parameter of this library.
local otherNames = {
  containers: 'container',
  environmentVariables: 'env',
  host: 'hostnames',
  ingressClassName: 'className',
  matchLabels: 'selects',
  namespace: 'environment',
  selector: 'selects',
  serviceAccountName: 'serviceAccount',
  topologySpreadConstraints: 'spread',
  volumeClaimTemplates: 'storage',
  volumeMounts: 'mounts',
};

// Returns the edit distance of two texts: how many letters to insert, delete or replace.
local distance(from, to) =
  local width = std.length(to);
  local next(row, i) = std.foldl(
    function(done, j)
      local value = std.minArray([row[j] + 1, done[j - 1] + 1, row[j - 1] + (if from[i] == to[j - 1] then 0 else 1)]);
      // The comparison evaluates the value. Otherwise the last one would be a computation as deep as all of them.
      if value >= 0 then done + [value] else done,
    std.range(1, width),
    [i + 1],
  );
  std.foldl(next, std.range(0, std.length(from) - 1), std.range(0, width))[width];

{
  // Merges a component's parameters over its defaults.
  //
  // component: name for error messages, such as 'deployment'.
  // defaults:  object with every known parameter. Write a mandatory one as
  //            `name: params.required('deployment', 'name')`.
  // given:     object of the caller's parameters.
  //
  // Returns an object with a value for each parameter.
  merge(component, defaults, given)::
    local known = std.objectFieldsAll(defaults);
    local unknown = [name for name in std.objectFieldsAll(given) if !std.member(known, name)];
    if std.type(given) != 'object' then
      error '%s: the argument is of type %s; pass one object of named parameters' % [component, std.type(given)]
    else if unknown != [] then
      error "%s: unknown parameter '%s'%s; allowed: %s" % [component, unknown[0], $._suggestion(unknown[0], known), std.join(', ', known)]
    else
      defaults + given,

  // The default of a mandatory parameter: fails if it is evaluated, that is, if the caller gave no value.
  required(component, name)::
    error "%s: parameter '%s' is missing; add it" % [component, name],

  // Returns the value if it has the given type; fails otherwise.
  //
  // component, name: for the error message. type: a result of std.type, such as 'number'.
  typed(component, name, type, value)::
    if std.type(value) == type then value
    else error "%s: parameter '%s' is of type %s; use a value of type %s" % [component, name, std.type(value), type],

  // Returns the value if it is one of the allowed ones; fails otherwise, and offers the nearest.
  //
  // component, name: for the error message. allowed: array of strings; null stands for no value.
  oneOf(component, name, allowed, value)::
    local texts = [item for item in allowed if item != null];
    if std.member(allowed, value) then value
    else error "%s: parameter '%s' is %s%s; use one of: %s" % [
      component,
      name,
      if std.type(value) == 'string' then "'%s'" % value else std.toString(value),
      if std.type(value) == 'string' then $._suggestion(value, texts) else '',
      std.join(', ', texts),
    ],

  // Returns the array if it has an element; fails otherwise.
  notEmpty(component, name, value)::
    if std.length($.typed(component, name, 'array', value)) > 0 then value
    else error "%s: parameter '%s' is empty; list at least one" % [component, name],

  // Returns a function's result, or null if the value is null.
  optional(value, make):: if value == null then null else make(value),

  // Returns an object without its null, [] and {} fields: an absent
  // field and an empty one are the same to Kubernetes, but a diff would show them.
  compact(object):: {
    [name]: object[name]
    for name in std.objectFields(object)
    if !std.member([null, [], {}], object[name])
  },

  // Returns the name in `known` that was probably meant.
  //
  // Returns null if none resembles it: at most two letters may differ, or a third of a long name.
  nearest(name, known)::
    local lower = std.asciiLower(name);
    local other = std.get(otherNames, name);
    local scored = [{ name: candidate, distance: distance(lower, std.asciiLower(candidate)) } for candidate in known];
    local best = std.foldl(
      function(found, item) if found == null || item.distance < found.distance then item else found,
      scored,
      null,
    );
    if other != null && std.member(known, other) then other
    else if best != null && best.distance <= std.max(if std.length(name) > 3 then 2 else 1, std.floor(std.length(name) / 3)) then best.name
    else null,

  _suggestion(name, known)::
    local found = $.nearest(name, known);
    if found == null then '' else " (did you mean '%s'?)" % found,
}
