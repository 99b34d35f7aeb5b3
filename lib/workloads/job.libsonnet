// Jobs: pods that run a program to its end, once or by a schedule.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';
local pod = import 'pod.libsonnet';

// A CronJob's name plus eleven characters is the name of its Jobs, which has 63 at most.
local maxCronJobName = 52;

local jobDefaults(component) = {
  // Parameters of pod.libsonnet; the Job sets `name`. Its pods have the label of the Job's own name, not of `service`, so that
  // the Service sends them no requests.
  pod: params.required(component, 'pod'),
  // How often a failed pod is replaced before the Job counts as failed.
  backoffLimit: 3,
  // Seconds after which the Job counts as failed and its pods are stopped; null: never.
  activeDeadlineSeconds: 3600,
  // Seconds after which a finished Job is deleted, with its logs; null: it stays.
  ttlSecondsAfterFinished: null,
  // How many pods must succeed, and how many run at once.
  completions: 1,
  parallelism: 1,
  // Indexed: each pod gets a number in JOB_COMPLETION_INDEX. null: all pods are alike.
  completionMode: null,
  // What a pod's exit code means, in the API's form; null: each failure counts.
  podFailurePolicy: null,
};

// Returns a Job's spec.
local jobSpec(component, p) = params.compact({
  backoffLimit: p.backoffLimit,
  activeDeadlineSeconds: p.activeDeadlineSeconds,
  ttlSecondsAfterFinished: p.ttlSecondsAfterFinished,
  completions: p.completions,
  parallelism: p.parallelism,
  completionMode: params.oneOf(component, 'completionMode', [null, 'NonIndexed', 'Indexed'], p.completionMode),
  podFailurePolicy: p.podFailurePolicy,
  // A failed pod stays beside its replacement, so that its log can be read.
  template: pod({ name: p.name, restartPolicy: 'Never', spread: { node: null, zone: null } } + p.pod),
});

local checkSchedule(text) =
  local fields = [field for field in std.split(params.typed('cronJob', 'schedule', 'string', text), ' ') if field != ''];
  if std.length(fields) == 5 || (std.length(fields) == 1 && std.startsWith(text, '@')) then text
  else error "cronJob: parameter 'schedule' is '%s'; use five fields such as '30 2 * * *', or a name such as '@daily'" % text;

{
  // Returns a Job. given: the parameters above, those of metadata.parameters, and `suspend`.
  //
  // A Job's template is immutable. The annotation turnup/on-immutable makes an apply replace a changed Job.
  job(given)::
    local defaults = metadata.parameters('job') + jobDefaults('job') { suspend: false };
    local p = params.merge('job', defaults, given);
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: metadata.of('job', p { annotations: { 'turnup/on-immutable': 'recreate' } + p.annotations }),
      spec: jobSpec('job', p) + (if p.suspend then { suspend: true } else {}),
    },

  // Returns a CronJob. given: the parameters above, those of metadata.parameters, and the ones below.
  cronJob(given)::
    local defaults = metadata.parameters('cronJob') + jobDefaults('cronJob') {
      // Five fields: minute, hour, day, month, weekday.
      schedule: params.required('cronJob', 'schedule'),
      timeZone: 'Etc/UTC',
      // Forbid: a run that would start before the last one ended is left out. Allow, or Replace.
      concurrencyPolicy: 'Forbid',
      // Seconds that a run may be late, after an outage of the cluster; null: any.
      startingDeadlineSeconds: 300,
      // How many finished Jobs stay, for their logs.
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      suspend: false,
    };
    local p = params.merge('cronJob', defaults, given);
    if std.length(p.name) > maxCronJobName then
      error "cronJob: name '%s' has %d characters; use at most %d, because Kubernetes adds a time for each Job" % [p.name, std.length(p.name), maxCronJobName]
    else {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: metadata.of('cronJob', p),
      spec: params.compact({
        schedule: checkSchedule(p.schedule),
        timeZone: p.timeZone,
        concurrencyPolicy: params.oneOf('cronJob', 'concurrencyPolicy', ['Forbid', 'Allow', 'Replace'], p.concurrencyPolicy),
        startingDeadlineSeconds: p.startingDeadlineSeconds,
        successfulJobsHistoryLimit: p.successfulJobsHistoryLimit,
        failedJobsHistoryLimit: p.failedJobsHistoryLimit,
        suspend: if p.suspend then true else null,
        jobTemplate: {
          metadata: { labels: metadata.labels(metadata.serviceOf(p), p.labels) },
          spec: jobSpec('cronJob', p),
        },
      }),
    },
}
