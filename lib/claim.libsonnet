// A PersistentVolumeClaim: storage that outlives the pods that mount it.
local metadata = import 'metadata.libsonnet';
local params = import 'params.libsonnet';

local storageDefaults(component) = {
  // Quantity, '1Gi'.
  size: params.required(component, 'size'),
  // null: the cluster's default class.
  storageClassName: null,
  accessModes: ['ReadWriteOnce'],
};

local defaults = storageDefaults('claim') {
  // Name of the object, a DNS label.
  name: params.required('claim', 'name'),
  // Name of the service that the claim belongs to; null: `name`.
  service: null,
  // {name, namespace}: the manifest's argument `env`.
  environment: params.required('claim', 'environment'),
  labels: {},
  annotations: {},
};

local object(objectMetadata, p) = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: objectMetadata,
  spec: params.compact({
    accessModes: p.accessModes,
    storageClassName: p.storageClassName,
    resources: { requests: { storage: p.size } },
  }),
};

{
  // Returns a PersistentVolumeClaim. given: the parameters above.
  claim(given)::
    local p = params.merge('claim', defaults, given);
    local service = if p.service == null then p.name else p.service;
    object(metadata.metadata('claim', p.name, service, p.environment, p.labels, p.annotations), p),

  // Returns a claim template, from which a StatefulSet creates one claim per pod.
  //
  // name: the volume's name. given: size, storageClassName, accessModes.
  template(name, given)::
    object({ name: name }, params.merge('statefulset.storage', storageDefaults('statefulset.storage'), given)),
}
