local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local make(extra) = k.priorityClass({ name: 'batch', value: -10, description: 'Work that can wait.' } + extra);

testing.suite({
  'a class has no namespace': {
    local object = make({}),
    actual: [object.value, object.globalDefault, object.preemptionPolicy, std.objectHas(object.metadata, 'namespace')],
    expected: [-10, false, 'PreemptLowerPriority', false],
  },
  'a class that evicts nobody, for all pods without one': {
    local object = make({ preemptionPolicy: 'Never', default: true }),
    actual: [object.preemptionPolicy, object.globalDefault],
    expected: ['Never', true],
  },
})
