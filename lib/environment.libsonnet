// Values that depend on the environment.
//
// An environment is the object that every manifest gets as its argument `env`:
// {name: 'dev', namespace: 'dev'}. The developer's own is always named 'myns',
// while its namespace carries the developer's name.
{
  // Chooses the value for an environment.
  //
  //   replicas: perEnvironment(env, {prod: 3, default: 1})
  //
  // env:    {name, namespace}.
  // values: object of environment name to value; 'default' serves the others.
  perEnvironment(env, values)::
    if std.objectHas(values, env.name) then values[env.name]
    else if std.objectHas(values, 'default') then values.default
    else error "perEnvironment: no value for environment '%s' and no default; found: %s" % [
      env.name,
      std.join(', ', std.objectFields(values)),
    ],

  // Merges the values common to all environments with those of one.
  //
  //   {} + overlay(env, {default: {logLevel: 'info'}, dev: {logLevel: 'debug'}})
  //
  // Returns values.default with values[env.name] merged over it; each may be absent.
  overlay(env, values)::
    std.mergePatch(
      if std.objectHas(values, 'default') then values.default else {},
      if std.objectHas(values, env.name) then values[env.name] else {},
    ),
}
