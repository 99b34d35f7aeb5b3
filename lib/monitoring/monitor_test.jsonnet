local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };

testing.suite({
  'Prometheus reads /metrics of a port of the Service': {
    local object = k.serviceMonitor({ name: 'server', environment: env, ports: { metrics: {} } }),
    actual: [object.kind, object.spec],
    expected: ['ServiceMonitor', {
      selector: { matchLabels: { 'app.kubernetes.io/name': 'server' } },
      endpoints: [{ port: 'metrics', path: '/metrics' }],
    }],
  },
  'a PodMonitor reads the pods': {
    local object = k.podMonitor({ name: 'worker', environment: env, selects: 'queue', ports: { metrics: { path: '/stats', interval: '10s', scheme: 'https' } } }),
    actual: [object.kind, object.spec],
    expected: ['PodMonitor', {
      selector: { matchLabels: { 'app.kubernetes.io/name': 'queue' } },
      podMetricsEndpoints: [{ port: 'metrics', path: '/stats', interval: '10s', scheme: 'https' }],
    }],
  },
})
