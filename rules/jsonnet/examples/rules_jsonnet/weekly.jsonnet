local jobs = import 'jobs.libsonnet';

jobs.job('weekly', 4)
