// A ResourceQuota: how much all objects of a namespace may take together.
//
// Where it bounds a resource, every new pod must name a request or limit of it. A LimitRange names them for those that don't.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local defaults = metadata.parameters('resourceQuota') {
  // Map of resource to number or quantity: {'requests.cpu': '8', 'limits.memory': '16Gi', pods: 50}.
  hard: params.required('resourceQuota', 'hard'),
  // Count only pods of these priority classes; []: all objects.
  priorityClasses: [],
};

// Returns a ResourceQuota. given: the parameters above, and those of metadata.parameters.
function(given)
  local p = params.merge('resourceQuota', defaults, given);
  local hard = params.typed('resourceQuota', 'hard', 'object', p.hard);
  if hard == {} then
    error "resourceQuota: parameter 'hard' is empty; name at least one resource, such as pods"
  else {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: metadata.of('resourceQuota', p),
    spec: params.compact({
      hard: { [name]: std.toString(hard[name]) for name in std.objectFields(hard) },
      scopeSelector: if p.priorityClasses == [] then null else {
        matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: p.priorityClasses }],
      },
    }),
  }
