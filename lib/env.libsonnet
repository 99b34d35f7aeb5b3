// Environment variables of a container, written as a map.
//
//   env: {
//     LOG_LEVEL: 'info',
//     PORT: 8080,
//     POD_NAME: env.field('metadata.name'),
//     PASSWORD: env.secret('database', 'password'),
//   }
{
  // A field of the pod itself: 'metadata.name', 'status.podIP'.
  field(path):: { valueFrom: { fieldRef: { fieldPath: path } } },

  // A key of a Secret in the same namespace.
  secret(name, key):: { valueFrom: { secretKeyRef: { name: name, key: key } } },

  // A key of a ConfigMap in the same namespace.
  config(name, key):: { valueFrom: { configMapKeyRef: { name: name, key: key } } },

  // Returns the list that a container needs, in the map's (alphabetical) order.
  //
  // map: name to string, number, boolean, or what one of the functions above gives.
  list(map):: [
    { name: name } + $._value(name, map[name])
    for name in std.objectFields(map)
  ],

  _value(name, value)::
    local type = std.type(value);
    if type == 'string' then { value: value }
    else if type == 'number' || type == 'boolean' then { value: std.toString(value) }
    else if type == 'object' && std.objectHas(value, 'valueFrom') then value
    else error "env: variable '%s' has a value of type %s; give a string, number, boolean or env.field, env.secret, env.config" % [name, type],
}
