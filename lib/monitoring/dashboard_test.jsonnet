local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local make(extra) = k.dashboard({ name: 'server', environment: env, dashboard: { title: 'Server', panels: [] } } + extra);

testing.suite({
  'the operator reads the JSON': {
    local object = make({ folder: 'Shop' }),
    actual: [object.kind, object.spec.instanceSelector, object.spec.folder, std.parseJson(object.spec.json)],
    expected: ['GrafanaDashboard', { matchLabels: { dashboards: 'grafana' } }, 'Shop', { title: 'Server', panels: [] }],
  },
  'the sidecar finds a ConfigMap by its label, so its name may stay': {
    local object = make({ kind: 'ConfigMap', folder: 'Shop' }),
    actual: [object.kind, object.metadata.labels.grafana_dashboard, object.metadata.annotations, std.objectFields(object.data)],
    expected: ['ConfigMap', '1', { 'turnup/stable-name': 'true', grafana_folder: 'Shop' }, ['server.json']],
  },
  'a text stays as it is': {
    local text = '{"title": "T",   "id": 1.50}',
    actual: [make({ dashboard: text }).spec.json, make({ dashboard: text, kind: 'ConfigMap' }).data['server.json']],
    expected: [text, text],
  },
})
