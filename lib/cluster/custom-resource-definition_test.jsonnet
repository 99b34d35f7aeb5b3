local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local widget(version) = |||
  # A comment before the document.
  ---
  apiVersion: apiextensions.k8s.io/v1
  kind: CustomResourceDefinition
  metadata:
    name: widgets.example.com
    annotations: {made-by: hand}
  spec:
    group: example.com
    names: {kind: Widget, plural: widgets}
    scope: Namespaced
    versions: [%s]
||| % version;
local good = widget('{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}');

testing.suite({
  'the definition in the file is the object': {
    local object = k.customResourceDefinition({ manifest: good }),
    actual: [object.kind, object.metadata, object.spec.versions[0].schema],
    expected: [
      'CustomResourceDefinition',
      { name: 'widgets.example.com', annotations: { 'made-by': 'hand' } },
      { openAPIV3Schema: { type: 'object' } },
    ],
  },
  'labels and annotations are added': {
    actual: k.customResourceDefinition({ manifest: good, labels: { team: 'a' }, annotations: { 'turnup/on-remove': 'keep' } }).metadata,
    expected: { name: 'widgets.example.com', labels: { team: 'a' }, annotations: { 'made-by': 'hand', 'turnup/on-remove': 'keep' } },
  },
  'a definition that was already read': {
    local object = k.customResourceDefinition({ manifest: good }),
    actual: k.customResourceDefinition({ manifest: object }),
    expected: object,
  },
})
