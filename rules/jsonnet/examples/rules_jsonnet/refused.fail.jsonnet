local jobs = import 'jobs.libsonnet';

[jobs.job('late', 25)]
