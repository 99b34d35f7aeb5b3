"""What this repository deploys to. Only ENVS must be there; the others have the defaults that are written here."""

# The environments of every service.
ENVS = [
    "prod",
    "dev",
    "myns",
]

# The environment that is each developer's own namespace; it runs what was just built.
# DEVELOPER_ENV = "myns"

# Environment -> Kubernetes namespace. {user} is the namespace made from $USER. What is left out has the environment's name.
# NAMESPACES = {"myns": "{user}"}

# What `./turnup cluster create` makes: "embedded", or "k3d". TURNUP_CONTEXT uses a cluster that exists.
# PROVIDER = "embedded"
# CLUSTER_NAME = "local"
# SUBNET = "172.19.0.0/26"
# NODES = 2
# REGISTRY_PORT = 31000
