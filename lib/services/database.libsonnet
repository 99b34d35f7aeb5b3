// A database: one pod with storage, and copies of its data by a schedule.
//
//   k.database({
//     environment: env,
//     service: service,
//     image: images.postgres,
//     size: '10Gi',
//     path: '/var/lib/postgresql/data',
//     readinessProbe: k.probes.exec(['pg_isready']),
//     backup: { schedule: '15 3 * * *', args: ['sh', '-c', 'pg_dump -h $DATABASE_HOST > /backup/$(date +%u).sql'] },
//   })
local params = import '../params.libsonnet';
local claim = import '../storage/claim.libsonnet';
local job = import '../workloads/job.libsonnet';
local microservice = import 'microservice.libsonnet';
local parts = import 'parts.libsonnet';

local component = 'database';

local extraDefaults = {
  // Quantity of each pod's storage, and the class of its volume; null: the cluster's default.
  size: params.required(component, 'size'),
  storageClassName: null,
  // Where the container finds its storage.
  path: params.required(component, 'path'),
  // The parameters below; null: there are no copies.
  backup: params.required(component, 'backup'),
};

local backupDefaults(p) = {
  schedule: params.required('database.backup', 'schedule'),
  // The program that writes a copy to `path`. It finds the database at DATABASE_HOST and DATABASE_PORT.
  image: p.image,
  command: null,
  args: null,
  env: {},
  mounts: {},
  volumes: {},
  resources: null,
  path: '/backup',
  // The copies' own claim. Keep it in another place than the database's if the class allows it.
  size: p.size,
  storageClassName: p.storageClassName,
  // More parameters of cronJob in job.libsonnet.
  job: {},
};

local backup(p, given) =
  local b = params.merge('database.backup', backupDefaults(p), given);
  local name = p.service.name + '-backup';
  local common = { name: name, service: p.service.name, environment: p.environment, labels: p.labels, annotations: p.annotations };
  {
    backupClaim: claim.claim(common { size: b.size, storageClassName: b.storageClassName }),
    backup: job.cronJob(common {
      schedule: b.schedule,
      pod: {
        volumes: { backup: { persistentVolumeClaim: { claimName: name } } } + b.volumes,
        container: {
          image: b.image,
          command: b.command,
          args: b.args,
          env: { DATABASE_HOST: p.service.name, DATABASE_PORT: p.service.port } + b.env,
          mounts: { backup: b.path } + b.mounts,
        } + (if b.resources == null then {} else { resources: b.resources }),
      },
    } + b.job),
  };

// Returns a database: the objects of `statefulMicroservice`, and backup and backupClaim.
//
// given: the parameters of `microservice`, and those above.
function(given)
  local defaults = parts.server(component) + extraDefaults;
  local p = params.merge(component, defaults, given);
  microservice.statefulOf(component, defaults { storage: {} }, given {
    mounts: { data: p.path } + p.mounts,
    storage: { data: { size: p.size, storageClassName: p.storageClassName } },
  }) + (if p.backup == null then {} else backup(p, p.backup))
