local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local make(extra) = k.resourceQuota({ name: 'all', environment: env, hard: { 'requests.cpu': '8', pods: 50 } } + extra).spec;

testing.suite({
  'numbers become the text that the API expects': {
    actual: make({}),
    expected: { hard: { 'requests.cpu': '8', pods: '50' } },
  },
  'only pods of a priority class are counted': {
    actual: make({ priorityClasses: ['batch'] }).scopeSelector.matchExpressions,
    expected: [{ scopeName: 'PriorityClass', operator: 'In', values: ['batch'] }],
  },
})
