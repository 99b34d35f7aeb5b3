// A volume with the values of a Secret as files. Its pods need no right to read Secrets.
//
//   pod: { volumes: { login: k.secretVolume({ name: 'login', keys: ['password'] }) } },
//   mounts: { login: { mountPath: '/run/secrets/login', readOnly: true } },
//
// Prefer files to environment variables, which child processes inherit and crash reports contain.
local params = import '../params.libsonnet';

local defaults = {
  // Name of the Secret in the same namespace.
  name: params.required('secretVolume', 'name'),
  // The keys to mount, each as a file of its name, or a map of key to file name. []: all.
  keys: [],
  // The files' permissions in octal; the pod's group reads them by default.
  mode: '0440',
  // true: the pod also starts without the Secret or the keys.
  optional: false,
};

// Returns a volume's source. given: the parameters above.
function(given)
  local p = params.merge('secretVolume', defaults, given);
  local files = if std.type(p.keys) == 'object' then p.keys else { [key]: key for key in params.typed('secretVolume', 'keys', 'array', p.keys) };
  {
    secret: params.compact({
      secretName: p.name,
      items: [{ key: key, path: files[key] } for key in std.objectFields(files)],
      defaultMode: std.parseOctal(params.typed('secretVolume', 'mode', 'string', p.mode)),
      optional: if p.optional then true else null,
    }),
  }
