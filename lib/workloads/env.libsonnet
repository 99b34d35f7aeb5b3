// A container's environment variables, written as a map.
//
//   env: {
//     LOG_LEVEL: 'info',
//     PORT: 8080,
//     POD_NAME: env.field('metadata.name'),
//     PASSWORD: env.secret('database', 'password'),
//   }
{
  // Returns the value of a field of the pod. path: such as 'metadata.name' or 'status.podIP'.
  field(path):: { valueFrom: { fieldRef: { fieldPath: path } } },

  // Returns the value of a key of a Secret in the same namespace.
  secret(name, key):: { valueFrom: { secretKeyRef: { name: name, key: key } } },

  // Returns the value of a key of a ConfigMap in the same namespace.
  config(name, key):: { valueFrom: { configMapKeyRef: { name: name, key: key } } },

  // Returns the list that the API expects, sorted by name.
  //
  // map: name to string, number, boolean, or the result of a function above.
  list(map):: [
    { name: name } + $._value(name, map[name])
    for name in std.objectFields(map)
  ],

  _value(name, value)::
    local type = std.type(value);
    if type == 'string' then { value: value }
    else if type == 'number' || type == 'boolean' then { value: std.toString(value) }
    else if type == 'object' && std.objectHas(value, 'valueFrom') then value
    else error "env: variable '%s' has a value of type %s; use a string, a number, a boolean, env.field, env.secret or env.config" % [name, type],
}
