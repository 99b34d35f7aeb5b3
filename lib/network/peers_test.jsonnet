local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';


testing.suite({
  'pods of a service, here or in another namespace': {
    local pods = { matchLabels: { 'app.kubernetes.io/name': 'redis' } },
    actual: [k.peers.service('redis'), k.peers.service('redis', 'prod')],
    expected: [{ podSelector: pods }, { podSelector: pods, namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'prod' } } }],
  },
  'a whole namespace': {
    actual: [k.peers.sameNamespace, k.peers.namespace('monitoring')],
    expected: [{ podSelector: {} }, { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
  },
  'addresses outside of the cluster': {
    actual: [k.peers.addresses('10.0.0.0/8'), k.peers.addresses('0.0.0.0/0', ['10.0.0.0/8'])],
    expected: [{ ipBlock: { cidr: '10.0.0.0/8' } }, { ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }],
  },
})
