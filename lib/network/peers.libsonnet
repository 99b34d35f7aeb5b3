// Peers of a NetworkPolicy: who may connect, or be connected to.
local metadata = import '../metadata.libsonnet';
local params = import '../params.libsonnet';

local inNamespace(name) = { matchLabels: { 'kubernetes.io/metadata.name': name } };

{
  // All pods of the policy's own namespace.
  sameNamespace:: { podSelector: {} },

  // Returns the pods of a service. namespace: its namespace; null: the policy's own.
  service(name, namespace=null):: params.compact({
    podSelector: { matchLabels: metadata.selector(name) },
    namespaceSelector: params.optional(namespace, inNamespace),
  }),

  // Returns all pods of a namespace.
  namespace(name):: { namespaceSelector: inNamespace(name) },

  // Returns addresses outside of the cluster. cidr: such as '10.0.0.0/8'. except: blocks within it.
  addresses(cidr, except=[]):: { ipBlock: params.compact({ cidr: cidr, except: except }) },

  // The cluster's DNS servers.
  dns:: {
    namespaceSelector: inNamespace('kube-system'),
    podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
  },
}
