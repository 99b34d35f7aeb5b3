local testing = import 'lib/testing.libsonnet';
local disruptionBudget = import 'lib/workloads/disruption-budget.libsonnet';

testing.suite({
  'one pod may be unavailable at a time': {
    actual: disruptionBudget({ name: 's', environment: { name: 'dev', namespace: 'ns' } }).spec,
    expected: { maxUnavailable: 1, selector: { matchLabels: { 'app.kubernetes.io/name': 's' } } },
  },
  'how many pods must stay, and broken ones may go': {
    actual: disruptionBudget({
      name: 's',
      environment: { name: 'dev', namespace: 'ns' },
      maxUnavailable: null,
      minAvailable: '50%',
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    }).spec,
    expected: {
      minAvailable: '50%',
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: { 'app.kubernetes.io/name': 's' } },
    },
  },
})
