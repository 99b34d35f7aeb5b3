"""What this repository deploys to: changed here, followed everywhere.

Plain assignments of literals; @turnup_env lets one shell choose another cluster (TURNUP_CONTEXT, TURNUP_CLUSTER,
TURNUP_SUBNET, TURNUP_REGISTRY) without an edit.
"""

load("@turnup_env//:env.bzl", "SETTINGS")

# Where the cluster comes from: "embedded" or "k3d". TURNUP_CONTEXT names any other.
PROVIDER = "embedded"

CLUSTER_NAME = "local"

# Node N has the subnet's base address + N + 1; the first address is the host's end of the bridge.
SUBNET = "172.19.0.0/26"

NODES = 2

# The in-cluster registry's NodePort, on node 1.
REGISTRY_PORT = 31000

ENVS = [
    "prod",
    "staging",
    "dev",
    "myns",
]

def _node_1(subnet):
    octets = subnet.split("/")[0].split(".")
    return ".".join(octets[:3] + [str(int(octets[3]) + 2)])

NODE_1 = _node_1(SETTINGS.subnet or SUBNET)

REGISTRY = SETTINGS.registry or "%s:%d" % (NODE_1, REGISTRY_PORT)

# The only kubeconfig context that targets of this repository write to.
CONTEXT = SETTINGS.context or "turnup-" + (SETTINGS.cluster or CLUSTER_NAME)

# The developer's own namespace, made of $USER.
MYNS = SETTINGS.namespace

# Environment to Kubernetes namespace.
NAMESPACES = {env: MYNS if env == "myns" else env for env in ENVS}
