ENVS = ["live", "canary", "qa", "team", "own"]
DEVELOPER_ENV = "own"
NAMESPACES = {"canary": "mart-canary", "live": "mart", "own": "mart-{user}"}
CLUSTER_NAME = "mart"
SUBNET = "172.28.0.0/24"
