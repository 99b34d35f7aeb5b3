// Services to which nothing connects: programs that take work from elsewhere, run by a schedule, or run once.
local params = import '../params.libsonnet';
local deployment = import '../workloads/deployment.libsonnet';
local job = import '../workloads/job.libsonnet';
local parts = import 'parts.libsonnet';

// Returns the parameters of a Job of a service, and the objects beside it.
local prepareJob(component, p) =
  local prepared = parts.prepare(p, false);
  {
    beside: prepared.beside,
    params: prepared.common { service: p.service.name, pod: prepared.pod },
  };

{
  // Returns a service without a port: {deployment, serviceAccount}, and configMap, autoscaler and disruptionBudget as for
  // `microservice`. Its probes check the program by a command, or there are none.
  //
  // given: the parameters of `microservice` without those of a port.
  worker(given)::
    local p = parts.prepare(params.merge('worker', parts.workload('worker'), given), false);
    local replicas = parts.replicas(p);
    { deployment: deployment(parts.workloadParams(p, replicas)) } + p.beside + parts.availability(p, 'Deployment', replicas),

  // Returns a program that runs by a schedule: {cronJob, serviceAccount}, and configMap if there are files.
  //
  // given: environment, service, image and the other parameters of a program in parts.libsonnet, and those below.
  cronWorker(given)::
    local p = params.merge('cronWorker', parts.program('cronWorker') {
      // Five fields: minute, hour, day, month, weekday.
      schedule: params.required('cronWorker', 'schedule'),
      // More parameters of cronJob in job.libsonnet.
      job: {},
    }, given);
    local prepared = prepareJob('cronWorker', p);
    { cronJob: job.cronJob(prepared.params { schedule: p.schedule } + p.job) } + prepared.beside,

  // Returns a program that runs once for each digest of its image, such as a change of a database's tables: {job,
  // serviceAccount}, and configMap if there are files. It must be able to run twice, because a pod may fail at its end.
  //
  // A Job's template is immutable and has the digest. So an apply with a new digest deletes the finished Job and makes it
  // anew, and an apply with the same one changes nothing. Its target is ready when the Job has succeeded: what depends on it
  // starts then.
  //
  // given: as for `cronWorker`, with `job` for parameters of job, and without `schedule`.
  migration(given)::
    local p = params.merge('migration', parts.program('migration') { job: {} }, given);
    local prepared = prepareJob('migration', p);
    { job: job.job(prepared.params { name: p.service.name + '-migration' } + p.job) } + prepared.beside,
}
