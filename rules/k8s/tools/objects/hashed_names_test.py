"""Tests of content-hashed names and of the references that follow them."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from typing import Any

import pytest

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects import hashed_names
from rules.k8s.tools.objects.hashed_names import content_name, hash_names, label_value, rewrite
from rules.k8s.tools.objects.references import Config, references


def config(name: str = "settings", kind: str = "ConfigMap", namespace: str = "dev", annotations: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """Returns a ConfigMap or Secret."""
    meta = {"name": name, "namespace": namespace} | ({"annotations": annotations} if annotations else {})
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, **fields}


def workload(spec: dict[str, Any], kind: str = "Deployment", **meta: Any) -> dict[str, Any]:
    """Returns a Deployment with a pod spec."""
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web", "namespace": "dev", **meta}, "spec": {"template": {"spec": spec}}}


def test_the_name_follows_the_content():
    """Equal content has equal names in any order of keys; other content has other names; labels do not count."""
    one, same = config(data={"a": "1", "b": "2"}), config(data={"b": "2", "a": "1"})
    same["metadata"]["labels"] = {"team": "x"}

    assert content_name(one) == content_name(same)
    assert re.fullmatch(r"settings-[0-9a-f]{10}", content_name(one))
    different = [
        one,
        config(data={"a": "1"}),
        config(data={"a": "1", "b": "3"}),
        config(kind="Secret", data={"a": "1", "b": "2"}),
        config(kind="Secret", type="kubernetes.io/tls", data={"a": "1", "b": "2"}),
    ]
    assert len({content_name(obj) for obj in different}) == len(different)


def test_where_a_value_stands_does_not_matter():
    """A Secret has the same name with values as text and in base64."""
    encoded = base64.b64encode(b"word").decode()

    assert content_name(config(kind="Secret", stringData={"a": "word"})) == content_name(config(kind="Secret", data={"a": encoded}))
    assert content_name(config(data={"a": "word"})) == content_name(config(binaryData={"a": encoded}))


def test_the_hash_of_a_secret_is_not_a_plain_hash():
    """Equal Secrets with different names or namespaces have different digits, which no plain hash of the content has."""
    found = {content_name(config(name, "Secret", namespace, data={"a": "MQ=="})).rpartition("-")[2] for name in ("one", "two") for namespace in ("dev", "prod")}
    plain = hashlib.sha256(json.dumps(["Secret", "", {"a": "MQ=="}], sort_keys=True).encode()).hexdigest()[:10]

    assert len(found) == 4 and plain not in found


def test_a_hashed_object_says_what_it_was():
    """The renamed object is immutable and has the name in its manifest in an annotation and a label; the input is not changed."""
    given = config(data={"a": "1"})
    (named,) = hash_names([given])

    assert named["immutable"] is True
    assert named["metadata"]["annotations"] == {"turnup/base-name": "settings"}
    assert named["metadata"]["labels"] == {"turnup/base-name": "settings"}
    assert hashed_names.base_of(named) == Config("ConfigMap", "dev", "settings")
    assert given == config(data={"a": "1"})


@pytest.mark.parametrize(
    "obj",
    [
        config(annotations={"turnup/stable-name": "true"}, data={"a": "1"}),
        config(immutable=False, data={"a": "1"}),
        config(namespace="kube-system", data={"a": "1"}),
        config(kind="Secret", type="kubernetes.io/service-account-token"),
        {"apiVersion": "example.com/v1", "kind": "Secret", "metadata": {"name": "x", "namespace": "dev"}},
    ],
)
def test_these_keep_their_names(obj):
    """Objects that opted out, that may change in place, or that belong to Kubernetes keep their names."""
    assert hash_names([obj]) == [obj]


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (config(annotations={"turnup/stable-name": "yes"}), 'the annotation turnup/stable-name is "yes". Write "true" or remove it.'),
        (config(name="x" * 250), "the name is too long for a hash"),
        (config(data=["a"]), "data is list. Write a mapping"),
        (workload({}, annotations={"turnup/references": "spec.settings"}), "Write KIND=PATH, for example ConfigMap=spec.settings"),
        (workload({}, annotations={"turnup/references": "ConfigMap=spec.no.such"}), "names 'spec.no.such', where the object has no text"),
    ],
)
def test_wrong_annotations_are_refused(obj, message):
    """A wrong opt-out, path or name is refused with one sentence that names the object."""
    with pytest.raises(TurnupError, match=re.escape(message)):
        hash_names([obj])


POD = {
    "imagePullSecrets": [{"name": "key"}],
    "volumes": [
        {"name": "a", "configMap": {"name": "settings"}},
        {"name": "b", "secret": {"secretName": "key"}},
        {"name": "c", "projected": {"sources": [{"configMap": {"name": "settings"}}, {"secret": {"name": "key"}}]}},
        {"name": "settings", "emptyDir": {}},
    ],
    "initContainers": [{"name": "settings", "envFrom": [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "key"}}]}],
    "containers": [
        {
            "name": "main",
            "env": [
                {"name": "A", "value": "settings"},
                {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "settings"}}},
                {"name": "C", "valueFrom": {"secretKeyRef": {"name": "key", "key": "key"}}},
            ],
        }
    ],
}


def test_every_reference_of_a_pod_follows():
    """Volumes, projected volumes, envFrom, env and imagePullSecrets are rewritten; equal texts elsewhere are not."""
    (settings, key, web) = hash_names([config(data={"a": "1"}), config("key", "Secret", data={"b": "Mg=="}), workload(POD)])
    new_settings, new_key = settings["metadata"]["name"], key["metadata"]["name"]
    spec = web["spec"]["template"]["spec"]

    assert spec["imagePullSecrets"] == [{"name": new_key}]
    assert spec["volumes"] == [
        {"name": "a", "configMap": {"name": new_settings}},
        {"name": "b", "secret": {"secretName": new_key}},
        {"name": "c", "projected": {"sources": [{"configMap": {"name": new_settings}}, {"secret": {"name": new_key}}]}},
        {"name": "settings", "emptyDir": {}},
    ]
    assert spec["initContainers"][0] == {"name": "settings", "envFrom": [{"configMapRef": {"name": new_settings}}, {"secretRef": {"name": new_key}}]}
    assert [each.get("value") or next(iter(each["valueFrom"].values())) for each in spec["containers"][0]["env"]] == [
        "settings",
        {"name": new_settings, "key": "settings"},
        {"name": new_key, "key": "key"},
    ]
    assert POD["imagePullSecrets"] == [{"name": "key"}]


@pytest.mark.parametrize(
    ("obj", "path"),
    [
        ({"apiVersion": "v1", "kind": "ServiceAccount", "imagePullSecrets": [{"name": "key"}]}, "imagePullSecrets"),
        ({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "spec": {"tls": [{"hosts": ["a"], "secretName": "key"}]}}, "spec"),
        (
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "Role",
                "rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["key"], "verbs": ["get"]}],
            },
            "rules",
        ),
        ({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "spec": {"ref": [{"kind": "Secret", "name": "key"}]}}, "spec"),
        (
            {
                "apiVersion": "example.com/v1",
                "kind": "Database",
                "metadata": {"annotations": {"turnup/references": "Secret=spec.users[].password"}},
                "spec": {"users": [{"password": "key"}, {"password": "other"}]},
            },
            "spec",
        ),
        (
            {
                "apiVersion": "example.com/v1",
                "kind": "Database",
                "metadata": {"annotations": {"turnup/references": "Secret=spec.keys[]"}},
                "spec": {"keys": ["key"]},
            },
            "spec",
        ),
    ],
)
def test_references_of_other_kinds_follow(obj, path):
    """Service accounts, ingresses, roles, typed references, and fields that an annotation names are rewritten."""
    obj = {**obj, "metadata": {"name": "x", "namespace": "dev", **obj.get("metadata", {})}}
    (after,) = rewrite([obj], {Config("Secret", "dev", "key"): "key-1"})

    assert "'key-1'" in repr(after[path]) and "'key'" not in repr(after[path])


CSI = {f"{name}SecretRef": {"name": "key", "namespace": "dev"} for name in ("controllerPublish", "nodeStage", "nodePublish", "controllerExpand", "nodeExpand")}
STORAGE = {
    f"csi.storage.k8s.io/{name}-secret-{part}": value
    for name in ("provisioner", "node-stage", "controller-expand", "snapshotter")
    for part, value in (("name", "key"), ("namespace", "dev"))
}


@pytest.mark.parametrize(
    "obj",
    [
        {"apiVersion": "v1", "kind": "PersistentVolume", "spec": {"csi": {"driver": "d.example.com", "volumeHandle": "h", **CSI}}},
        {"apiVersion": "v1", "kind": "PersistentVolume", "spec": {"azureFile": {"secretName": "key", "secretNamespace": "dev", "shareName": "s"}}},
        *[
            {"apiVersion": "v1", "kind": "PersistentVolume", "spec": {source: {"secretRef": {"name": "key", "namespace": "dev"}}}}
            for source in ("cephfs", "rbd", "iscsi", "scaleIO", "storageos", "flexVolume", "cinder")
        ],
        {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "p", "parameters": STORAGE},
        {"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotClass", "driver": "p", "parameters": STORAGE},
        {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "parameters": {"adminSecretName": "key", "adminSecretNamespace": "dev"}},
        {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "parameters": {"secretName": "key", "secretNamespace": "dev"}},
    ],
)
def test_references_of_cluster_scoped_kinds_follow(obj):
    """Every reference of a PersistentVolume and of a class of storage follows; one to another namespace stays."""
    obj = {**obj, "metadata": {"name": "x"}}
    (after,) = rewrite([obj], {Config("Secret", "dev", "key"): "key-1"})

    assert "'key-1'" in repr(after) and "'key'" not in repr(after)
    assert rewrite([obj], {Config("Secret", "prod", "key"): "key-1", Config("ConfigMap", "dev", "key"): "key-2"}) == [obj]


@pytest.mark.parametrize(
    "spec",
    [
        {"acme": {"privateKeySecretRef": {"name": "key"}}},
        {"solvers": [{"dns01": {"cloudflare": {"apiTokenSecretRef": {"name": "key", "key": "t"}}}}]},
        {"auth": {"passwordSecretKeyRef": {"name": "key", "key": "p"}}},
        {"listeners": [{"tls": {"certificateRefs": [{"name": "key"}]}}]},
    ],
)
def test_fields_named_as_in_kubernetes_follow(spec):
    """Fields of custom resources that end like secretRef, and certificates of a Gateway, are rewritten."""
    obj = {"apiVersion": "example.com/v1", "kind": "Issuer", "metadata": {"name": "x", "namespace": "dev"}, "spec": spec}
    (after,) = rewrite([obj], {Config("Secret", "dev", "key"): "key-1"})

    assert "'name': 'key-1'" in repr(after) and "'name': 'key'" not in repr(after)


def test_a_certificate_of_another_kind_stays():
    """A certificateRef with a kind is a reference to that kind, a secretStoreRef none to a Secret, and a configMapKeyRef one to a ConfigMap."""
    spec = {"certificateRefs": [{"kind": "Bundle", "name": "key"}], "secretStoreRef": {"name": "key"}, "userConfigMapKeyRef": {"name": "key"}}
    obj = {"apiVersion": "example.com/v1", "kind": "Issuer", "metadata": {"name": "x", "namespace": "dev"}, "spec": spec}

    assert rewrite([obj], {Config("Secret", "dev", "key"): "key-1"}) == [obj]
    assert references(obj) == [Config("ConfigMap", "dev", "key")]


@pytest.mark.parametrize(
    ("resources", "names", "after"),
    [
        (["secrets", "configmaps"], {"Secret": "key-1"}, ["key-1", "other"]),
        (["secrets", "configmaps"], {"ConfigMap": "key-2"}, ["key-2", "other"]),
        (["secrets", "configmaps"], {"Secret": "key-1", "ConfigMap": "key-2"}, {"key-1", "key-2", "other"}),
        (["pods", "secrets"], {"Secret": "key-1"}, ["key", "other", "key-1"]),
        (["*"], {"ConfigMap": "key-2"}, ["key", "other", "key-2"]),
        (["pods"], {"Secret": "key-1"}, ["key", "other"]),
    ],
)
def test_rules_of_several_resources_follow(resources, names, after):
    """A rule names what is on the cluster, and what is in the manifest only for resources that keep their names; again changes nothing."""
    rule = {"apiGroups": [""], "resources": resources, "resourceNames": ["key", "other"], "verbs": ["get"]}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r", "namespace": "dev"}, "rules": [rule]}
    renamed = {Config(kind, "dev", "key"): name for kind, name in names.items()}
    (found,) = rewrite([role], renamed)
    listed = found["rules"][0]["resourceNames"]

    assert (set(listed) if isinstance(after, set) else listed) == after and len(set(listed)) == len(listed)
    assert rewrite([found], renamed)[0] is found


def ingress(**annotations: str) -> dict[str, Any]:
    """Returns an Ingress with annotations of an ingress controller."""
    found = {f"nginx.ingress.kubernetes.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web", "namespace": "dev", "annotations": found}}


def test_annotations_of_an_ingress_follow():
    """Annotations by which ingress controllers name configuration follow, as NAME or NAMESPACE/NAME; those that only look like it stay."""
    obj = ingress(auth_type="basic", auth_secret="key", auth_tls_secret="dev/key", proxy_ssl_secret="prod/key", auth_proxy_set_headers="dev/key", app="key")
    (after,) = rewrite([obj], {Config("Secret", "dev", "key"): "key-1", Config("ConfigMap", "dev", "key"): "key-2"})

    assert after == ingress(
        auth_type="basic", auth_secret="key-1", auth_tls_secret="dev/key-1", proxy_ssl_secret="prod/key", auth_proxy_set_headers="dev/key-2", app="key"
    )
    service = {**obj, "kind": "Service", "apiVersion": "v1"}
    assert rewrite([service], {Config("Secret", "dev", "key"): "key-1"}) == [service]


@pytest.mark.parametrize(
    ("path", "fields", "after"),
    [
        ("metadata.annotations[example.com/a.b]", {"metadata": {"annotations": {"example.com/a.b": "key"}}}, "key-1"),
        ("metadata.annotations[example.com/a.b]", {"metadata": {"annotations": {"example.com/a.b": "dev/key"}}}, "dev/key-1"),
        ("spec.map[a.b].lists[][].x", {"spec": {"map": {"a.b": {"lists": [[{"x": "key"}]]}}}}, "key-1"),
        ("spec[a]", {"spec": {"a": "key"}}, "key-1"),
    ],
)
def test_the_references_annotation_names_keys_with_dots(path, fields, after):
    """A path has keys with dots in brackets, annotations among them, and the text may name its namespace."""
    annotations = {"turnup/references": f"Secret={path}", **fields.get("metadata", {}).get("annotations", {})}
    obj = {"apiVersion": "example.com/v1", "kind": "Db", **fields, "metadata": {"name": "x", "namespace": "dev", "annotations": annotations}}
    (found,) = rewrite([obj], {Config("Secret", "dev", "key"): "key-1"})

    assert f"'{after}'" in repr(found) and rewrite([obj], {Config("Secret", "prod", "key"): "key-1"}) == [obj]


@pytest.mark.parametrize("path", ["spec[", "spec]", "spec..a", "spec.list", "spec.a[]", "metadata.annotations[no]", "spec[][]"])
def test_wrong_paths_are_refused(path):
    """A path that is malformed, or at which there is no text, is refused."""
    obj = workload({}, annotations={"turnup/references": f"Secret={path}"})
    obj["spec"] |= {"list": ["key"], "a": "key"}

    with pytest.raises(TurnupError, match=re.escape(f"names {path!r}, where the object has no text. Correct the path.")):
        references(obj)


def test_other_namespaces_and_kinds_stay():
    """A reference to another namespace, or to a Secret with a ConfigMap's name, means another object."""
    elsewhere = workload({"x": {"secretRef": {"name": "key", "namespace": "prod"}}, "volumes": [{"configMap": {"name": "key"}}]})

    assert rewrite([elsewhere], {Config("Secret", "dev", "key"): "key-1"}) == [elsewhere]


def test_only_users_change():
    """Of two workloads, the one that uses a changed ConfigMap differs after the change and the other does not."""

    def build(value: str) -> list[dict[str, Any]]:
        user = workload({"volumes": [{"configMap": {"name": "settings"}}]})
        return hash_names([user, workload({"volumes": []}, kind="StatefulSet"), config(data={"a": value})])

    before, after = build("1"), build("2")
    assert before[0] != after[0] and before[1] == after[1]
    assert build("1") == before


def test_random_objects_lose_nothing():
    """For 300 random pods, rewriting forth and back returns the original, and each reference is found at least once."""
    generator = random.Random(20)
    names = {Config(kind, "dev", name): f"{name}-{kind.lower()}" for kind in ("ConfigMap", "Secret") for name in "abc"}
    back = {Config(config.kind, "dev", name): config.name for config, name in names.items()}
    for _ in range(300):
        volumes = [
            generator.choice(
                [
                    {"configMap": {"name": generator.choice("abcd")}},
                    {"secret": {"secretName": generator.choice("abcd")}},
                    {"projected": {"sources": [{"secret": {"name": generator.choice("abcd")}}]}},
                    {"emptyDir": {"medium": generator.choice("abcd")}},
                ]
            )
            for _ in range(generator.randrange(5))
        ]
        pod = workload({"volumes": volumes, "containers": [{"env": [{"name": "a", "value": "a"}]}]})
        (there,) = rewrite([pod], names)

        assert not set(references(there)) & set(names)
        assert rewrite([there], back) == [pod]


@pytest.mark.parametrize("base", ["a", "x" * 63, "x" * 64, "a.b-c", "a" * 52 + "-" * 12 + "b"])
def test_the_label_is_a_label(base):
    """For any name, the label's value is valid in Kubernetes, and different names have different values."""
    value = label_value(base)

    assert re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", value)
    assert label_value("x" * 64) != label_value("x" * 65)
