local jobs = import 'jobs.libsonnet';

jobs.job('nightly', 3) { steps+: ['report'] }
