local disruptionBudget = import 'lib/disruption-budget.libsonnet';
local testing = import 'lib/testing.libsonnet';

testing.suite({
  'one pod may be unavailable at a time': {
    actual: disruptionBudget({ name: 's', environment: { name: 'dev', namespace: 'ns' } }).spec,
    expected: { maxUnavailable: 1, selector: { matchLabels: { 'app.kubernetes.io/name': 's' } } },
  },
})
