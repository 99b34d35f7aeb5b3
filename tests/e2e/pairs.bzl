"""client_of_server: a client of the sample whose server is in another language."""

load("@turnup_env//:constants.bzl", "DEVELOPER_ENV", "MYNS", "REGISTRY")
load("//rules/jsonnet:defs.bzl", "jsonnet_to_json")
load("//rules/k8s:defs.bzl", "k8s_object")

def client_of_server(name, client, server):
    """Makes the objects of a client in the developer's environment, with its own manifests and another server.

    The only difference to the client's `microservice` is what its `deps` would be: the manifests take the server's name and
    port from that server's service.yaml.

    Args:
      name: the target's name, and the name of the client's Deployment and Service.
      client (string): the package of the client, with its `image` and `client.jsonnet`.
      server (string): the package of the server.
    """
    image = client[2:]
    jsonnet_to_json(
        name = name + "_manifests",
        testonly = True,
        src = client + ":client.jsonnet",
        outs = [name + ".manifests.json"],
        data = [server + ":service"],
        tags = ["manual"],
        tla_code = {
            "deps": "{server: (import %s) + {host: self.name + %s}}" % (
                json.encode(server[2:] + "/service.json"),
                json.encode(".%s.svc" % MYNS),
            ),
            "env": json.encode({"name": DEVELOPER_ENV, "namespace": MYNS}),
            "images": json.encode({"client": image}),
            "service": json.encode({"name": name, "port": 8080}),
        },
        deps = ["//lib"],
    )
    k8s_object(
        name = name,
        testonly = True,
        image_chroot = REGISTRY,
        images = {image: client + ":image"},
        namespace = MYNS,
        tags = ["manual"],
        template = ":%s_manifests" % name,
    )
