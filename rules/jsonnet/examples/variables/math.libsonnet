local factor = import 'factor.libsonnet';

{ double(n):: n * factor }
