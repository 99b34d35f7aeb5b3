// How the replicas of a service are spread over nodes and zones.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local topologies = {
  node: 'kubernetes.io/hostname',
  zone: 'topology.kubernetes.io/zone',
};

local defaults = {
  // DoNotSchedule: a pod rather waits. ScheduleAnyway: it is placed unevenly if it must be.
  whenUnsatisfiable: 'ScheduleAnyway',
  // How many more pods one node or zone may have than another.
  maxSkew: 1,
  minDomains: null,
  nodeAffinityPolicy: null,
  nodeTaintsPolicy: null,
};

local constraint(topology, value, selector) =
  local p = params.merge('pod.spread', defaults, if std.type(value) == 'string' then { whenUnsatisfiable: value } else value);
  params.compact(p {
    topologyKey: std.get(topologies, topology, topology),
    whenUnsatisfiable: params.oneOf('pod.spread', 'whenUnsatisfiable', ['ScheduleAnyway', 'DoNotSchedule'], p.whenUnsatisfiable),
    labelSelector: { matchLabels: selector },
  });

// Returns a pod's topologySpreadConstraints.
//
// name: the service. spread: map of 'node', 'zone' or a node label's name to 'ScheduleAnyway', 'DoNotSchedule', an object of
// the parameters above, or null for none.
function(name, spread)
  local given = params.typed('pod', 'spread', 'object', spread);
  [
    constraint(topology, given[topology], metadata.selector(name))
    for topology in std.objectFields(given)
    if given[topology] != null
  ]
