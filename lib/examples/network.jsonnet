// Network: each kind of Service, the ways into the cluster, and who may connect to whom.
local k = import 'lib/k8s.libsonnet';

function(env, service, deps, images)
  local name = service.name;
  local host = k.perEnvironment(env, { prod: 'shop.example.com', default: 'shop.%s.example.com' % env.name });
  {
    service: k.service({ name: name, environment: env, ports: { main: service.port } }),
    pods: k.service({ name: name + '-pods', selects: name, environment: env, headless: true, ports: { main: service.port } }),
    nodes: k.service({
      name: name + '-outside',
      selects: name,
      environment: env,
      type: 'NodePort',
      ports: { dns: { port: 53, targetPort: 5353, protocol: 'UDP', nodePort: 31053 } },
    }),
    database: k.service({ name: 'database', environment: env, type: 'ExternalName', externalName: 'db.example.com' }),
    ingress: k.ingress({
      name: name,
      environment: env,
      className: 'nginx',
      rules: { [host]: { '/': service, '/redis': deps.redis } },
      tls: { certificate: [host] },
    }),
    http: k.httpRoute({
      name: name,
      environment: env,
      gateways: [{ name: 'public', namespace: 'edge' }],
      hostnames: [host],
      paths: { '/': service },
    }),
    grpc: k.grpcRoute({
      name: name + '-grpc',
      service: name,
      environment: env,
      gateways: [{ name: 'public', namespace: 'edge' }],
      methods: { 'shop.Orders': [service { weight: 9 }, deps.redis { weight: 1 }] },
    }),
    policy: k.networkPolicy({
      name: name,
      environment: env,
      ingress: [{ from: ['client', k.peers.namespace('edge')], ports: [service.port] }],
      egress: [{ to: [deps.redis.name], ports: [deps.redis.port] }],
    }),
  }
