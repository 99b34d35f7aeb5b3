// A StorageClass: how volumes are made for claims that name it. It has no namespace.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local defaults = metadata.clusterParameters('storageClass') {
  // Name of the program that makes the volumes, such as 'ebs.csi.aws.com'.
  provisioner: params.required('storageClass', 'provisioner'),
  // The provisioner's own settings: map of name to text.
  parameters: {},
  // Delete or Retain: what happens to a volume when its claim is deleted.
  reclaimPolicy: 'Delete',
  // WaitForFirstConsumer makes the volume where the pod runs. Immediate makes it at once, perhaps where no pod can run.
  volumeBindingMode: 'WaitForFirstConsumer',
  // true: claims may ask for more storage later. null: they may not.
  allowVolumeExpansion: null,
  mountOptions: [],
  // true: claims without a class get this one.
  default: false,
};

// Returns a StorageClass. given: the parameters above, and those of metadata.clusterParameters.
function(given)
  local p = params.merge('storageClass', defaults, given);
  local isDefault = if p.default then { 'storageclass.kubernetes.io/is-default-class': 'true' } else {};
  params.compact({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: metadata.of('storageClass', p { annotations: isDefault + p.annotations }),
    provisioner: p.provisioner,
    parameters: p.parameters,
    reclaimPolicy: params.oneOf('storageClass', 'reclaimPolicy', ['Delete', 'Retain'], p.reclaimPolicy),
    volumeBindingMode: params.oneOf('storageClass', 'volumeBindingMode', ['WaitForFirstConsumer', 'Immediate'], p.volumeBindingMode),
    allowVolumeExpansion: p.allowVolumeExpansion,
    mountOptions: p.mountOptions,
  })
