local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local env = { name: 'dev', namespace: 'ns' };
local pod = { container: { image: 'i' } };
local job = k.job({ name: 'load', service: 'shop', environment: env, pod: pod });
local cron(extra) = k.cronJob({ name: 'report', service: 'shop', environment: env, schedule: '30 2 * * *', pod: pod } + extra);

testing.suite({
  'a Job ends, and its failed pods stay for their logs': {
    actual: [job.spec.backoffLimit, job.spec.activeDeadlineSeconds, job.spec.template.spec.restartPolicy],
    expected: [3, 3600, 'Never'],
  },
  'its Service sends the pods nothing, because they have the name of the Job': {
    actual: [o.metadata.labels['app.kubernetes.io/name'] for o in [job, job.spec.template]],
    expected: ['shop', 'load'],
  },
  'a changed Job runs anew': {
    actual: job.metadata.annotations,
    expected: { 'turnup/on-immutable': 'recreate' },
  },
  'a CronJob does not run twice at a time': {
    local spec = cron({}).spec,
    actual: [spec.schedule, spec.timeZone, spec.concurrencyPolicy, spec.startingDeadlineSeconds],
    expected: ['30 2 * * *', 'Etc/UTC', 'Forbid', 300],
  },
  'the Jobs of a CronJob are as its parameters say': {
    local object = cron({ backoffLimit: 0, completions: 4, parallelism: 2, completionMode: 'Indexed' }).spec.jobTemplate,
    actual: [object.metadata.labels['app.kubernetes.io/name'], object.spec.backoffLimit, object.spec.completions, object.spec.parallelism, object.spec.completionMode],
    expected: ['shop', 0, 4, 2, 'Indexed'],
  },
  'schedules have names, too': {
    actual: [cron({ schedule: s }).spec.schedule for s in ['@daily', '*/5 * * * 1-5']],
    expected: ['@daily', '*/5 * * * 1-5'],
  },
  suspended: {
    actual: [std.get(o.spec, 'suspend') for o in [cron({}), cron({ suspend: true })]],
    expected: [null, true],
  },
})
