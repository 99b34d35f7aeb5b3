// Checked parameters: a missing mandatory parameter and an unknown one are errors,
// so a misspelled name never goes unnoticed.
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
      error "%s: unknown parameter '%s'; allowed: %s" % [component, unknown[0], std.join(', ', known)]
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

  // Returns an object without its null, [] and {} fields: an absent
  // field and an empty one are the same to Kubernetes, but a diff would show them.
  compact(object):: {
    [name]: object[name]
    for name in std.objectFields(object)
    if !std.member([null, [], {}], object[name])
  },
}
