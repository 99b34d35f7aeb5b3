local testing = import 'lib/testing.libsonnet';
local deployment = import 'lib/workloads/deployment.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local object = deployment({ name: 's', environment: env, labels: { team: 'a' }, pod: { container: { image: 'i' } } });

testing.suite({
  'kind, name and namespace': {
    actual: [object.apiVersion, object.kind, object.metadata.name, object.metadata.namespace],
    expected: ['apps/v1', 'Deployment', 's', 'ns'],
  },
  'the selector matches the pods and excludes extra labels': {
    actual: [object.spec.selector.matchLabels, object.spec.template.metadata.labels['app.kubernetes.io/name']],
    expected: [{ 'app.kubernetes.io/name': 's' }, 's'],
  },
  'no pod is deleted before its replacement is ready': {
    actual: object.spec.strategy.rollingUpdate.maxUnavailable,
    expected: 0,
  },
})
