// Parameters of a component: a mandatory one that is missing and one that
// nobody knows are errors, so that a misspelled name never goes unnoticed.
{
  // Joins a component's parameters with its defaults.
  //
  // component: name for messages, 'deployment'.
  // defaults:  object of all parameters that exist. Write a mandatory one as
  //            `name: params.required('deployment', 'name')`.
  // given:     object of the caller's parameters.
  //
  // Returns an object with a value for each parameter.
  merge(component, defaults, given)::
    local known = std.objectFieldsAll(defaults);
    local unknown = [name for name in std.objectFieldsAll(given) if !std.member(known, name)];
    if std.type(given) != 'object' then
      error '%s: parameters must be one object, found %s' % [component, std.type(given)]
    else if unknown != [] then
      error "%s: unknown parameter '%s'; allowed: %s" % [component, unknown[0], std.join(', ', known)]
    else
      defaults + given,

  // The default of a mandatory parameter: evaluated only if nobody gave one.
  required(component, name)::
    error "%s: parameter '%s' is missing; give it a value" % [component, name],

  // Returns the value if it is of the type, else fails.
  //
  // component, name: for the message. type: a name that std.type gives.
  typed(component, name, type, value)::
    if std.type(value) == type then value
    else error "%s: parameter '%s' must be of type %s, found %s" % [component, name, type, std.type(value)],

  // Returns an object without the fields that are null, [] or {}: an absent
  // field and an empty one mean the same to Kubernetes, but differ in a diff.
  compact(object):: {
    [name]: object[name]
    for name in std.objectFields(object)
    if !std.member([null, [], {}], object[name])
  },
}
