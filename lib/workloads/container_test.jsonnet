local testing = import 'lib/testing.libsonnet';
local container = import 'lib/workloads/container.libsonnet';
local security = import 'lib/workloads/security.libsonnet';

local minimal = container({ name: 'c', image: 'i' });

testing.suite({
  'a container is restricted by default': {
    actual: minimal.securityContext,
    expected: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, readOnlyRootFilesystem: true },
  },
  'one field is relaxed and the others stay': {
    actual: container({ name: 'c', image: 'i', securityContext: { readOnlyRootFilesystem: false } }).securityContext,
    expected: security.container { readOnlyRootFilesystem: false },
  },
  'empty fields are left out': {
    actual: std.objectFields(minimal),
    expected: ['image', 'name', 'resources', 'securityContext'],
  },
  'what a container may write to the disk is bounded, unless it says otherwise': {
    local resources(own) = container({ name: 'c', image: 'i', resources: own }).resources,
    local bound = { limits: { 'ephemeral-storage': '2Gi' }, requests: { 'ephemeral-storage': '16Mi' } },
    actual: [
      minimal.resources,
      resources({ limits: { memory: '1Gi', 'ephemeral-storage': '9Gi' } }),
      resources({ limits: { 'ephemeral-storage': null }, requests: { 'ephemeral-storage': null } }),
    ],
    expected: [
      std.mergePatch(bound, { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '256Mi' } }),
      { limits: { memory: '1Gi', 'ephemeral-storage': '9Gi' }, requests: { 'ephemeral-storage': '16Mi' } },
      { limits: {}, requests: {} },
    ],
  },
  'ports and mounts are written as maps': {
    local c = container({ name: 'c', image: 'i', ports: { http: 80 }, mounts: { a: '/a', b: { mountPath: '/b', readOnly: true } } }),
    actual: [c.ports, c.volumeMounts],
    expected: [
      [{ name: 'http', containerPort: 80 }],
      [{ name: 'a', mountPath: '/a' }, { name: 'b', mountPath: '/b', readOnly: true }],
    ],
  },
})
