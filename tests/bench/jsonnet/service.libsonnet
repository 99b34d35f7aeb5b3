// The benchmark's library: one service of parameters becomes 15 Kubernetes objects. It uses what such libraries use:
// mixins, merges, formatting, checksums, configuration files, base64, asserts.
local labels(s) = { 'app.kubernetes.io/name': s.name, 'app.kubernetes.io/part-of': s.team, tier: s.tier };

local object(s, version, kind, suffix='') = {
  apiVersion: version,
  kind: kind,
  metadata: {
    name: s.name + suffix,
    namespace: s.team,
    labels: labels(s),
    annotations: { 'example.com/owner': '%s@example.com' % s.team, 'example.com/parameters': std.md5(std.toString(s)) },
  },
};

local container(s) = {
  name: s.name,
  image: 'registry.example.com/%(team)s/%(name)s:%(version)s' % s,
  ports: [{ name: p.name, containerPort: p.port } for p in s.ports],
  env: [{ name: k, value: std.toString(s.env[k]) } for k in std.objectFields(s.env)],
  resources: { requests: { cpu: '%dm' % s.cpu, memory: '%dMi' % s.memory }, limits: { memory: '%dMi' % (s.memory * 2) } },
  readinessProbe: { httpGet: { path: '/ready', port: s.ports[0].name }, periodSeconds: 5 },
  livenessProbe: self.readinessProbe { httpGet+: { path: '/alive' }, failureThreshold: 6 },
  securityContext: { runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  volumeMounts: [{ name: 'config', mountPath: '/etc/' + s.name }, { name: 'secret', mountPath: '/secret', readOnly: true }],
};

local configuration(s) = {
  server: { name: s.name, ports: { [p.name]: p.port for p in s.ports }, replicas: s.replicas },
  features: [{ name: 'feature-%03d' % i, enabled: i % 3 != 0, weight: i / 4 } for i in std.range(1, 12)],
  limits: std.mergePatch({ rate: 100, burst: 200, timeout: { read: 5, write: 10 } }, { timeout: { idle: 60 }, burst: s.cpu }),
};

local dashboard(s) = {
  title: s.name,
  panels: [
    {
      id: i,
      title: '%s %02d' % [s.name, i],
      targets: [{ expr: 'sum(rate(%s_requests_total{code="%d"}[5m]))' % [std.strReplace(s.name, '-', '_'), 200 + i] }],
      gridPos: { x: (i % 4) * 6, y: std.floor(i / 4) * 8, w: 6, h: 8 },
    }
    for i in std.range(0, 7)
  ],
};

function(parameters)
  local s = {
    tier: 'backend',
    version: '1.0.0',
    replicas: 2,
    cpu: 100,
    memory: 128,
    env: {},
    ports: [{ name: 'http', port: 8080 }, { name: 'metrics', port: 9090 }],
  } + parameters;
  assert std.length(s.name) <= 40 : 'the name %s is longer than 40 characters' % s.name;
  assert s.replicas > 0 : 'a service has a replica at least';
  local config = configuration(s);
  local template = {
    metadata: { labels: labels(s), annotations: { checksum: std.md5(std.toString(config)) } },
    spec: {
      serviceAccountName: s.name,
      containers: [container(s)],
      volumes: [{ name: 'config', configMap: { name: s.name } }, { name: 'secret', secret: { secretName: s.name } }],
    },
  };
  local selector = { matchLabels: { 'app.kubernetes.io/name': s.name } };
  [
    object(s, 'apps/v1', 'Deployment') { spec: { replicas: s.replicas, selector: selector, template: template } },
    object(s, 'v1', 'Service') { spec: { selector: selector.matchLabels, ports: s.ports } },
    object(s, 'v1', 'ServiceAccount') { automountServiceAccountToken: false },
    object(s, 'v1', 'ConfigMap') {
      data: {
        'config.yaml': std.manifestYamlDoc(config),
        'config.json': std.manifestJsonEx(config, '  '),
        'config.ini': std.manifestIni({ main: { name: s.name }, sections: { timeout: config.limits.timeout } }),
      },
    },
    object(s, 'v1', 'ConfigMap', '-dashboard') { data: { 'dashboard.json': std.manifestJsonEx(dashboard(s), ' ') } },
    object(s, 'v1', 'Secret') { data: { token: std.base64('token of %s' % s.name), key: std.base64(std.md5(s.name)) } },
    object(s, 'autoscaling/v2', 'HorizontalPodAutoscaler') {
      spec: { minReplicas: s.replicas, maxReplicas: s.replicas * 4, scaleTargetRef: { kind: 'Deployment', name: s.name } },
    },
    object(s, 'policy/v1', 'PodDisruptionBudget') { spec: { maxUnavailable: 1, selector: selector } },
    object(s, 'networking.k8s.io/v1', 'NetworkPolicy') {
      spec: { podSelector: selector, ingress: [{ ports: [{ port: p.port } for p in s.ports] }] },
    },
    object(s, 'networking.k8s.io/v1', 'Ingress') {
      spec: { rules: [{ host: '%s.%s.example.com' % [s.name, s.team], http: { paths: [{ path: '/', pathType: 'Prefix' }] } }] },
    },
    object(s, 'rbac.authorization.k8s.io/v1', 'Role') { rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }] },
    object(s, 'rbac.authorization.k8s.io/v1', 'RoleBinding') {
      roleRef: { kind: 'Role', name: s.name },
      subjects: [{ kind: 'ServiceAccount', name: s.name }],
    },
    object(s, 'monitoring.coreos.com/v1', 'ServiceMonitor') { spec: { selector: selector, endpoints: [{ port: 'metrics' }] } },
    object(s, 'batch/v1', 'CronJob', '-backup') {
      spec: { schedule: '%d 3 * * *' % (std.length(s.name) % 60), jobTemplate: { spec: { template: template } } },
    },
    object(s, 'v1', 'PersistentVolumeClaim') {
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '%dGi' % (s.replicas * 10) } } },
    },
  ]
