// A Grafana dashboard, as the Grafana operator reads it, or as a ConfigMap, which Grafana's sidecar reads.
//
//   k.dashboard({ name: 'server', environment: env, dashboard: importstr 'dashboard.json' })
local configMap = import '../config/config-map.libsonnet';
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local defaults = metadata.parameters('dashboard') {
  // The dashboard's JSON, or the object.
  dashboard: params.required('dashboard', 'dashboard'),
  // GrafanaDashboard or ConfigMap.
  kind: 'GrafanaDashboard',
  // Name of Grafana's folder; null: the default one.
  folder: null,
  // GrafanaDashboard: labels of the Grafanas that show it.
  instances: { dashboards: 'grafana' },
};

// Returns the dashboard's JSON; a text stays as it is.
local json(p) =
  local isText = std.type(p.dashboard) == 'string';
  local value = if isText then std.parseJson(p.dashboard) else p.dashboard;
  if std.type(value) != 'object' || !std.objectHas(value, 'title') then
    error "dashboard: parameter 'dashboard' of '%s' has no title; export it from Grafana as JSON, or add one" % p.name
  else if isText then p.dashboard
  else std.manifestJsonEx(value, '  ') + '\n';

local forOperator(p) = {
  apiVersion: 'grafana.integreatly.org/v1beta1',
  kind: 'GrafanaDashboard',
  metadata: metadata.of('dashboard', p),
  spec: params.compact({
    instanceSelector: { matchLabels: p.instances },
    folder: p.folder,
    json: json(p),
  }),
};

// The sidecar finds ConfigMaps by their label, so that their name may stay.
local forSidecar(p) = configMap({
  name: p.name,
  service: p.service,
  environment: p.environment,
  labels: { grafana_dashboard: '1' } + p.labels,
  annotations: { 'turnup/stable-name': 'true' }
               + (if p.folder == null then {} else { grafana_folder: p.folder })
               + p.annotations,
  data: { [p.name + '.json']: json(p) },
});

// Returns a GrafanaDashboard or a ConfigMap. given: the parameters above, and those of metadata.parameters.
function(given)
  local p = params.merge('dashboard', defaults, given);
  if params.oneOf('dashboard', 'kind', ['GrafanaDashboard', 'ConfigMap'], p.kind) == 'ConfigMap' then forSidecar(p) else forOperator(p)
