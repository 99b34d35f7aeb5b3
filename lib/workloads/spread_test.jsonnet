local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';

local spread(s) = std.get(k.pod({ name: 's', container: { image: 'i' }, spread: s }).spec, 'topologySpreadConstraints', []);
local keys(s) = [[c.topologyKey, c.whenUnsatisfiable, c.maxSkew] for c in spread(s)];

testing.suite({
  'one topology is changed and the others stay': {
    actual: keys({ node: 'DoNotSchedule' }),
    expected: [
      [c[0], if c[0] == 'kubernetes.io/hostname' then 'DoNotSchedule' else c[1], c[2]]
      for c in keys({})
    ],
  },
  'null is none': {
    actual: keys({ node: null, zone: null }),
    expected: [],
  },
  'any label of nodes, with its own skew': {
    actual: keys({ node: null, zone: null, 'example.com/rack': { whenUnsatisfiable: 'DoNotSchedule', maxSkew: 2 } }),
    expected: [['example.com/rack', 'DoNotSchedule', 2]],
  },
  'the pods of the service are counted': {
    actual: spread({})[0].labelSelector,
    expected: { matchLabels: { 'app.kubernetes.io/name': 's' } },
  },
})
