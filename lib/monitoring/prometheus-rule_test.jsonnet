local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local groups(extra) = k.prometheusRule({ name: 'server', environment: env } + extra).spec.groups;

testing.suite({
  'stored series come before the alerts that use them': {
    actual: groups({
      alerts: { ServerFails: { expr: 'errors > 1', 'for': '5m', severity: 'critical', summary: 'Calls fail.', runbook: 'https://example.com/r', labels: { team: 'a' } } },
      records: { errors: 'sum(e)', calls: { expr: 'sum(c)', labels: { a: 'b' } } },
      interval: '30s',
    }),
    expected: [{
      name: 'server',
      interval: '30s',
      rules: [
        { record: 'calls', expr: 'sum(c)', labels: { a: 'b' } },
        { record: 'errors', expr: 'sum(e)' },
        {
          alert: 'ServerFails',
          expr: 'errors > 1',
          'for': '5m',
          labels: { severity: 'critical', team: 'a' },
          annotations: { summary: 'Calls fail.', runbook_url: 'https://example.com/r' },
        },
      ],
    }],
  },
  'groups in the form of the API': {
    actual: groups({ groups: { slow: { interval: '5m', rules: [{ record: 'a', expr: 'b' }] } } }),
    expected: [{ name: 'slow', interval: '5m', rules: [{ record: 'a', expr: 'b' }] }],
  },
})
