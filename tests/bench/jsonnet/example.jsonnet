// One service, as the benchmark writes 300 of them.
(import 'service.libsonnet')({ name: 'service-001', team: 'team-1', replicas: 3, env: { LOG_LEVEL: 'info', PORT: 8080 } })
