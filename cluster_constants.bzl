"""What this repository deploys to. Targets read it as @turnup_env//:constants.bzl, which adds what is left out here.

Only ENVS must be there. CONTEXT, REGISTRY and NAMESPACES follow from the other constants; the names that are commented out
are for repositories that want them otherwise. TURNUP_CONTEXT, TURNUP_CLUSTER, TURNUP_SUBNET and TURNUP_REGISTRY override
them in one shell.
"""

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

# The minor versions of Kubernetes that manifests are checked against when they are built.
KUBERNETES = [
    "1.32",
    "1.33",
    "1.34",
    "1.35",
]

ENVS = [
    "prod",
    "staging",
    "dev",
    "myns",
]

# The environment that is each developer's own namespace; it runs what was just built. Everybody shares the others.
DEVELOPER_ENV = "myns"

# The only kubeconfig context that the targets of this repository write to.
# CONTEXT = "turnup-local"

# Environment -> Kubernetes namespace. {user} is the namespace made from $USER.
# NAMESPACES = {"myns": "{user}"}

# Where images are pushed to and pulled from.
# REGISTRY = "172.19.0.2:31000"
