"""The constants of a mart: five environments, and namespaces by another scheme."""

ENVS = ["live", "canary", "qa", "team", "own"]
DEVELOPER_ENV = "own"
NAMESPACES = {"canary": "mart-canary", "live": "mart", "own": "mart-{user}"}
CLUSTER_NAME = "mart"
SUBNET = "172.28.0.0/24"
