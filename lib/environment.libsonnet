// Values that depend on the environment.
//
// An environment is the object that every manifest receives as its argument `env`:
// {name: 'dev', namespace: 'dev'}. The namespace of the developer's own environment has the
// developer's name.
{
  // Returns the value for an environment.
  //
  //   replicas: perEnvironment(env, {prod: 3, default: 1})
  //
  // env:    {name, namespace}.
  // values: map of environment name to value; 'default' is for all others.
  perEnvironment(env, values)::
    if std.objectHas(values, env.name) then values[env.name]
    else if std.objectHas(values, 'default') then values.default
    else error "perEnvironment: values has neither '%s' nor 'default' (it has: %s); add one of them" % [
      env.name,
      std.join(', ', std.objectFields(values)),
    ],

  // Merges one environment's values over those common to all environments.
  //
  //   {} + overlay(env, {default: {logLevel: 'info'}, dev: {logLevel: 'debug'}})
  //
  // env:    {name, namespace}.
  // values: map of environment name to object, with the common values as 'default'. Both may be absent.
  //
  // Returns values.default with values[env.name] merged over it.
  overlay(env, values)::
    std.mergePatch(
      if std.objectHas(values, 'default') then values.default else {},
      if std.objectHas(values, env.name) then values[env.name] else {},
    ),
}
