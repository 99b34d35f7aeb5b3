// A PriorityClass: which pods the scheduler places first, and which it evicts for them. It has no namespace.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

// Kubernetes keeps higher values for itself.
local most = 1000000000;

local defaults = metadata.clusterParameters('priorityClass') {
  // Up to a billion; pods without a class have 0. It is immutable.
  value: params.required('priorityClass', 'value'),
  // Which workloads should use the class.
  description: params.required('priorityClass', 'description'),
  // true: pods without a class get this one.
  default: false,
  // PreemptLowerPriority evicts pods of a lower class to make room. Never only waits before them.
  preemptionPolicy: 'PreemptLowerPriority',
};

// Returns a PriorityClass. given: the parameters above, and those of metadata.clusterParameters.
function(given)
  local p = params.merge('priorityClass', defaults, given);
  local value = params.typed('priorityClass', 'value', 'number', p.value);
  if value > most then
    error "priorityClass: parameter 'value' is %d; use at most %d, because Kubernetes keeps higher ones for itself" % [value, most]
  else {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: metadata.of('priorityClass', p),
    value: value,
    description: p.description,
    globalDefault: p.default,
    preemptionPolicy: params.oneOf('priorityClass', 'preemptionPolicy', ['PreemptLowerPriority', 'Never'], p.preemptionPolicy),
  }
