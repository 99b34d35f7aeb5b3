"""What this repository deploys to. Everything else reads these constants.

Commands read the literals from this file. @turnup_env reads TURNUP_CONTEXT, TURNUP_CLUSTER, TURNUP_SUBNET and
TURNUP_REGISTRY, so that one shell can use another cluster without an edit.
"""

load("@turnup_env//:env.bzl", "SETTINGS")

# What creates the cluster: "embedded" or "k3d". To use any other cluster, set TURNUP_CONTEXT.
PROVIDER = "embedded"

CLUSTER_NAME = "local"

# Node N has the base address + N + 1. The first address is this machine's end of the bridge.
SUBNET = "172.19.0.0/26"

NODES = 2

# The percentage of the machine's memory and processes that all nodes together may take.
MACHINE_SHARE = 75

# The TCP ports of this machine that pods may connect to, at the subnet's first address.
HOST_PORTS = []

# The NodePort of the registry in the cluster. Images name it at node 1's address.
REGISTRY_PORT = 31000

ENVS = [
    "prod",
    "staging",
    "dev",
    "myns",
]

# The environment that is each developer's own namespace; it runs what was just built. Everybody shares the others.
DEVELOPER_ENV = "myns"

def _node_1(subnet):
    octets = subnet.split("/")[0].split(".")
    return ".".join(octets[:3] + [str(int(octets[3]) + 2)])

NODE_1 = _node_1(SETTINGS.subnet or SUBNET)

REGISTRY = SETTINGS.registry or "%s:%d" % (NODE_1, REGISTRY_PORT)

# The only kubeconfig context that the targets of this repository write to.
CONTEXT = SETTINGS.context or "turnup-" + (SETTINGS.cluster or CLUSTER_NAME)

# The developer's own namespace, derived from $USER.
MYNS = SETTINGS.namespace

# Environment -> Kubernetes namespace.
NAMESPACES = {env: MYNS if env == DEVELOPER_ENV else env for env in ENVS}
