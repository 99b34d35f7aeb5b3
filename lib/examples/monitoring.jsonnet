// Monitoring: where metrics are read, what is stored, who is woken, and what is drawn.
local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images)
  local name = service.name;
  {
    monitor: k.serviceMonitor({ name: name, environment: env, ports: { metrics: { interval: '15s' } } }),
    workers: k.podMonitor({ name: name + '-worker', environment: env, ports: { metrics: {} } }),
    rules: k.prometheusRule({
      name: name,
      environment: env,
      records: { 'server:errors:rate5m': 'sum(rate(server_errors_total{namespace="%s"}[5m]))' % env.namespace },
      alerts: {
        ServerFails: {
          expr: 'server:errors:rate5m > 1',
          'for': '5m',
          severity: k.perEnvironment(env, { prod: 'critical', default: 'info' }),
          summary: 'More than one call a second fails.',
          runbook: 'https://example.com/runbooks/server',
        },
      },
    }),
    dashboard: k.dashboard({
      name: name,
      environment: env,
      folder: 'Shop',
      dashboard: { title: 'Server', panels: [{ title: 'Errors', type: 'timeseries', targets: [{ expr: 'server:errors:rate5m' }] }] },
    }),
    sidecarDashboard: k.dashboard({ name: name + '-sidecar', service: name, environment: env, kind: 'ConfigMap', dashboard: { title: 'Server' } }),
  }
