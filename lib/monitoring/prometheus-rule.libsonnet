// A PrometheusRule: queries that Prometheus stores, and alerts.
//
//   k.prometheusRule({
//     name: 'server',
//     environment: env,
//     records: { 'server:errors:rate5m': 'sum(rate(errors_total[5m]))' },
//     alerts: {
//       ServerFails: { expr: 'server:errors:rate5m > 1', for: '5m', severity: 'critical', summary: 'More than one call a second fails.' },
//     },
//   })
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local defaults = metadata.parameters('prometheusRule') {
  // Map of the name of a new series to its expression, or to {expr, labels}.
  records: {},
  // Map of alert name to the parameters below.
  alerts: {},
  // How often the rules are evaluated; null: Prometheus' own.
  interval: null,
  // Map of the name of another group to its {interval, rules} in the API's form.
  groups: {},
};

local alertDefaults = {
  // PromQL; the alert is active while it has a result.
  expr: params.required('prometheusRule.alerts', 'expr'),
  // Duration after which an active alert fires; null: at once.
  'for': null,
  // Whom it wakes: critical now, warning in the morning, info nobody.
  severity: params.required('prometheusRule.alerts', 'severity'),
  // One sentence for the one who is woken.
  summary: params.required('prometheusRule.alerts', 'summary'),
  // More about it, and a page that says what to do.
  description: null,
  runbook: null,
  labels: {},
  annotations: {},
};

local alert(name, given) =
  local p = params.merge('prometheusRule.alerts', alertDefaults, given);
  params.compact({
    alert: name,
    expr: p.expr,
    'for': p['for'],
    labels: { severity: params.oneOf('prometheusRule.alerts', 'severity', ['critical', 'warning', 'info'], p.severity) } + p.labels,
    annotations: params.compact({ summary: p.summary, description: p.description, runbook_url: p.runbook }) + p.annotations,
  });

local record(name, given) =
  local fields = { expr: params.required('prometheusRule.records', 'expr'), labels: {} };
  params.compact({ record: name } + params.merge('prometheusRule.records', fields, if std.type(given) == 'string' then { expr: given } else given));

// Returns a PrometheusRule with a group of its own name. given: the parameters above, and those of metadata.parameters.
function(given)
  local p = params.merge('prometheusRule', defaults, given);
  // Stored series first, because the rules of a group are evaluated in order.
  local rules = [record(name, p.records[name]) for name in std.objectFields(p.records)]
                + [alert(name, p.alerts[name]) for name in std.objectFields(p.alerts)];
  local groups = (if rules == [] then [] else [params.compact({ name: p.name, interval: p.interval, rules: rules })])
                 + [{ name: name } + p.groups[name] for name in std.objectFields(p.groups)];
  if groups == [] then
    error "prometheusRule: there is no rule; give 'records', 'alerts' or 'groups'"
  else {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: metadata.of('prometheusRule', p),
    spec: { groups: groups },
  }
