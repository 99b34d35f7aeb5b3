local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local pod = { container: { image: 'i' } };
local object = k.daemonset({ name: 'agent', environment: env, pod: pod });

testing.suite({
  'the selector is part of the labels of the pods': {
    actual: [object.spec.selector.matchLabels, object.spec.template.metadata.labels['app.kubernetes.io/name']],
    expected: [{ 'app.kubernetes.io/name': 'agent' }, 'agent'],
  },
  'there are no replicas to count or to spread': {
    actual: [std.objectHas(object.spec, 'replicas'), std.objectHas(object.spec.template.spec, 'topologySpreadConstraints')],
    expected: [false, false],
  },
  'one node is updated at a time': {
    actual: object.spec.updateStrategy,
    expected: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
  },
})
