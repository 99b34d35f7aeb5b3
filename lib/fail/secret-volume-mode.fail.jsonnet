local k = import 'lib/k8s.libsonnet';

k.secretVolume({ name: 'login', mode: 440 })
