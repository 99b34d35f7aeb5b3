"""The constants of cluster_constants.bzl with those that it leaves out, derived from the others."""

_KINDS = {
    "CLUSTER_NAME": "string",
    "CONTEXT": "string",
    "DEVELOPER_ENV": "string",
    "ENVS": "list",
    "HOST_PORTS": "list",
    "KUBERNETES": "list",
    "MACHINE_SHARE": "int",
    "NAMESPACES": "dict",
    "NODES": "int",
    "PROVIDER": "string",
    "REGISTRY": "string",
    "REGISTRY_PORT": "int",
    "SUBNET": "string",
}

def _node_1(subnet):
    """Returns the address of the first node: the third of the subnet, because the second is the bridge's."""
    octets = subnet.split("/")[0].split(".")
    return ".".join(octets[:3] + [str(int(octets[3]) + 2)])

def _is_subnet(text):
    octets = text.split("/")[0].split(".")
    return len(octets) == 4 and not [one for one in octets if not one.isdigit()]

def constants_error(values):
    """Checks constants.

    Args:
      values: dict from name to value, as cluster_constants.bzl has them.

    Returns:
      what is wrong and what to do about it, or None.
    """
    for name in sorted(values):
        if type(values[name]) != _KINDS[name]:
            article = "an" if _KINDS[name] == "int" else "a"
            return "%s is %r; assign it %s %s" % (name, values[name], article, _KINDS[name])
    environments = values["ENVS"]
    if not environments or [env for env in environments if type(env) != "string" or not env]:
        return "ENVS is %r; assign it the names of your environments, such as [\"prod\", \"dev\", \"myns\"]" % (environments,)
    for index, env in enumerate(environments):
        if env in environments[:index]:
            return "ENVS has %r twice; remove one" % env
    if "DEVELOPER_ENV" in values and values["DEVELOPER_ENV"] not in environments:
        return "DEVELOPER_ENV is %r, which ENVS does not have; write one of ENVS" % values["DEVELOPER_ENV"]
    for env, namespace in values.get("NAMESPACES", {}).items():
        if env not in environments:
            return "NAMESPACES has %r, which ENVS does not have; remove it, or add it to ENVS" % env
        if type(namespace) != "string" or not namespace:
            return "NAMESPACES has %r for %s; write a namespace's name, in which {user} is each developer's own" % (namespace, env)
    for version in values.get("KUBERNETES", []):
        if type(version) != "string" or not version.startswith("1.") or not version[len("1."):].isdigit():
            return "KUBERNETES has %r; write minor versions, such as [\"1.34\", \"1.35\"]" % version
    if "SUBNET" in values and not _is_subnet(values["SUBNET"]):
        return "SUBNET is %r; write an IPv4 network such as \"172.19.0.0/26\"" % values["SUBNET"]
    return None

def derived_constants(values, defaults, settings):
    """Returns all constants.

    Args:
      values: dict from name to value, as cluster_constants.bzl has them.
      defaults: dict from name to value: of names that are not in values and do not depend on others.
      settings: SETTINGS of @turnup_env.

    Returns:
      dict from name to value; besides the names of cluster_constants.bzl, NODE_1 (the first node's address) and MYNS (the
      namespace of DEVELOPER_ENV).
    """
    found = dict(defaults)
    found.update(values)
    environments = found["ENVS"]
    if settings.subnet:
        found["SUBNET"] = settings.subnet
    found["NODE_1"] = _node_1(found["SUBNET"])
    found["REGISTRY"] = settings.registry or values.get("REGISTRY") or "%s:%d" % (found["NODE_1"], found["REGISTRY_PORT"])
    own = "turnup-" + (settings.cluster or found["CLUSTER_NAME"])
    found["CONTEXT"] = settings.context or (own if settings.cluster else values.get("CONTEXT", own))
    if "DEVELOPER_ENV" not in values:
        found["DEVELOPER_ENV"] = "myns" if "myns" in environments else environments[-1]
    namespaces = {env: settings.namespace if env == found["DEVELOPER_ENV"] else env for env in environments}
    namespaces.update({env: name.replace("{user}", settings.namespace) for env, name in values.get("NAMESPACES", {}).items()})
    found["NAMESPACES"] = namespaces
    found["MYNS"] = namespaces[found["DEVELOPER_ENV"]]
    return found
