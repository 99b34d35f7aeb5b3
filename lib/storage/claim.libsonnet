// A PersistentVolumeClaim: storage that outlives the pods that mount it.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local modes = ['ReadWriteOnce', 'ReadWriteOncePod', 'ReadWriteMany', 'ReadOnlyMany'];

local storageDefaults(component) = {
  // Quantity, '1Gi'.
  size: params.required(component, 'size'),
  // null: the cluster's default class.
  storageClassName: null,
  accessModes: ['ReadWriteOnce'],
  // Filesystem or Block; null: the API's default, Filesystem.
  volumeMode: null,
  // Where the first content comes from, in the API's form: a VolumeSnapshot or another claim. null: the volume starts empty.
  dataSource: null,
};

local defaults = metadata.parameters('claim') + storageDefaults('claim') {
  // Name of an existing PersistentVolume to bind; null: any that fits, or a new one.
  volumeName: null,
};

local object(component, objectMetadata, p) = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: objectMetadata,
  spec: params.compact({
    accessModes: [
      params.oneOf(component, 'accessModes', modes, mode)
      for mode in params.notEmpty(component, 'accessModes', p.accessModes)
    ],
    storageClassName: p.storageClassName,
    volumeMode: params.oneOf(component, 'volumeMode', [null, 'Filesystem', 'Block'], p.volumeMode),
    volumeName: std.get(p, 'volumeName'),
    dataSource: p.dataSource,
    resources: { requests: { storage: p.size } },
  }),
};

{
  // Returns a PersistentVolumeClaim. given: the parameters above, and those of metadata.parameters.
  claim(given)::
    local p = params.merge('claim', defaults, given);
    object('claim', metadata.of('claim', p), p),

  // Returns a claim template, from which a StatefulSet creates one claim per pod.
  //
  // name: the volume's name. given: size, storageClassName, accessModes, volumeMode, dataSource.
  template(name, given)::
    local component = 'statefulset.storage';
    object(component, { name: name }, params.merge(component, storageDefaults(component), given)),
}
