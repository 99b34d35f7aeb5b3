// An ExternalSecret: the External Secrets Operator copies values from a store outside of the cluster into a Secret.
//
// The repository has the names of the values, never the values. The operator and its definitions must be in the cluster.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local defaults = metadata.parameters('externalSecret') {
  // Name of the SecretStore in the same namespace, or {name, kind: 'ClusterSecretStore'}.
  store: params.required('externalSecret', 'store'),
  // Map of the Secret's key to the value's name in the store, or to {key, property, version}.
  keys: params.required('externalSecret', 'keys'),
  // How often the operator reads the store; '0': only once.
  refreshInterval: '1h',
  // The Secret's type, such as kubernetes.io/dockerconfigjson; null: Opaque.
  type: null,
};

local storeDefaults = {
  name: params.required('externalSecret.store', 'name'),
  kind: 'SecretStore',
};

local keyDefaults = {
  key: params.required('externalSecret.keys', 'key'),
  // A part of a value that is JSON; null: the whole value.
  property: null,
  // null: the latest.
  version: null,
};

local store(value) =
  local p = params.merge('externalSecret.store', storeDefaults, if std.type(value) == 'string' then { name: value } else value);
  p { kind: params.oneOf('externalSecret.store', 'kind', ['SecretStore', 'ClusterSecretStore'], p.kind) };

local remote(value) =
  params.compact(params.merge('externalSecret.keys', keyDefaults, if std.type(value) == 'string' then { key: value } else value));

// Returns an ExternalSecret, and the operator makes a Secret of the same name. given: the parameters above, and those of
// metadata.parameters.
function(given)
  local p = params.merge('externalSecret', defaults, given);
  local keys = std.objectFields(params.typed('externalSecret', 'keys', 'object', p.keys));
  {
    apiVersion: 'external-secrets.io/v1',
    kind: 'ExternalSecret',
    metadata: metadata.of('externalSecret', p),
    spec: {
      refreshInterval: p.refreshInterval,
      secretStoreRef: store(p.store),
      target: params.compact({
        name: p.name,
        creationPolicy: 'Owner',
        template: params.optional(p.type, function(type) { type: type }),
      }),
      data: [
        { secretKey: key, remoteRef: remote(p.keys[key]) }
        for key in params.notEmpty('externalSecret', 'keys', keys)
      ],
    },
  }
