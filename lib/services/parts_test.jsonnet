local parts = import 'lib/services/parts.libsonnet';
local testing = import 'lib/testing.libsonnet';

local environment(name) = { name: name, namespace: name };
local prepared(more={}, withPorts=true, env='prod') = parts.prepare(parts.server('test') + {
  environment: environment(env),
  service: { name: 'shop', port: 80, ports: { metrics: 9000 } },
  image: 'shop',
} + more, withPorts);

testing.suite({
  replicas: {
    actual: [parts.replicas(prepared(env=name)) for name in ['prod', 'staging', 'dev', 'myns']],
    expected: [2, 2, 1, 1],
  },
  'given replicas': { actual: parts.replicas(prepared({ replicas: 5 })), expected: 5 },
  ports: { actual: prepared().ports, expected: { main: 80, metrics: 9000 } },
  'no ports': { actual: prepared(withPorts=false).ports, expected: {} },
  'own account': { actual: [prepared().pod.serviceAccountName, std.objectFields(prepared().beside)], expected: ['shop', ['serviceAccount']] },
  'other account': {
    local given = prepared({ serviceAccount: 'other' }),
    actual: [given.pod.serviceAccountName, given.beside],
    expected: ['other', {}],
  },
  'default account': { actual: prepared({ serviceAccount: false }).pod.serviceAccountName, expected: null },
  config: { actual: std.objectFields(prepared({ config: { a: 'b' } }).beside), expected: ['configMap', 'serviceAccount'] },
  'a budget needs two pods': {
    actual: [std.objectFields(parts.availability(prepared(), 'Deployment', count)) for count in [1, 2]],
    expected: [[], ['disruptionBudget']],
  },
  'an autoscaler has the number': {
    local scaled = prepared({ autoscaling: { maxReplicas: 4 } }),
    actual: [std.objectFields(parts.availability(scaled, 'Deployment', 1)), parts.workloadParams(scaled, 1).replicas],
    expected: [['autoscaler', 'disruptionBudget'], null],
  },
})
