"""Tests of repositories that are not Turnup's: a new one, one that exists and has folders of the same names, and one without clusters."""

import json

import pytest
import yaml

from tests.adoption.foreign import Foreign


def _objects(text):
    """Returns the objects of YAML text by kind and name."""
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text) if each}


def _tested(repository):
    """Runs all tests of a repository, which must pass."""
    done = repository.bazel("test", "//...", "--test_output=errors", USER="jane")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Returns the repository that `turnup init` writes."""
    with Foreign(tmp_path_factory.mktemp("new")) as made:
        yield made


def test_a_new_repository(shop):
    """What `turnup init` writes builds, with few packages, and passes its tests; the manifests have the repository's own environments and names."""
    shop.build("--nobuild", "//greeter:dev")
    needed = shop.wheels()
    assert {"pyyaml", "zstandard"} <= needed
    assert needed & {"cryptography", "grpcio", "grpcio_tools", "kubernetes", "matplotlib", "pytest", "redis"} == set()
    _tested(shop)
    assert "pytest" in shop.wheels()
    objects = _objects(shop.output("//greeter:myns-deep"))
    assert {each["metadata"]["namespace"] for each in objects.values()} == {"jane"}
    (container,) = objects["Deployment", "greeter"]["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("172.19.0.2:31000/greeter@sha256:")
    setup = _objects(shop.output("//prod:setup"))
    assert {name for kind, name in setup if kind == "Namespace"} >= {"prod", "dev", "jane"}
    assert ("Namespace", "staging") not in setup
    shop.build("//greeter:myns-deep.apply", "//prod:setup.apply", USER="jane")


def test_an_existing_repository(tmp_path):
    """Own folders rules, lib, python and cluster, own packages, constants and namespaces, and a service of a third repository.

    Its name of Turnup is not @turnup.
    """
    with Foreign(tmp_path, "existing", "depot", flags=False, name="tu") as mart:
        _tested(mart)
        runfiles = mart.root / "bazel-bin/orders/main_test.runfiles"
        assert (runfiles / "tu/rules/python/pytest/__pycache__/turnup_pytest.cpython-311.pyc").is_file()
        (note,) = _objects(mart.output("//:note")).values()
        assert note["kind"] == "ConfigMap" and note["metadata"]["namespace"] == "mart"
        (mart.root / "vendor.tar").touch()
        mart.build("@vendor//image", "--nobuild")
        objects = _objects(mart.output("//orders:own-deep"))
        assert {each["metadata"]["namespace"] for each in objects.values()} == {"mart-jane"}
        (container,) = objects["Deployment", "orders"]["spec"]["template"]["spec"]["containers"]
        variables = {each["name"]: each.get("value") for each in container["env"]}
        assert variables["GREETING"] == "from the mart"
        assert variables["STOCK"] == "stock.mart-jane.svc:9090"
        assert container["image"].startswith("172.28.0.2:31000/orders@sha256:")
        assert any(kind == "ConfigMap" and name.startswith("stock") for kind, name in objects)
        live = _objects(mart.output("//orders:live"))
        assert {each["metadata"]["namespace"] for each in live.values()} == {"mart"}


def test_jsonnet_alone(tmp_path):
    """A repository without clusters needs no constants, and fetches nothing for images, Java or clusters."""
    with Foreign(tmp_path, "jsonnet_only") as site:
        (site.root / "cluster_constants.bzl").unlink()
        (site.root / "prod/BUILD").unlink()
        _tested(site)
        site.build("//site:page")
        assert json.loads((site.root / "bazel-bin/site/page.json").read_text()) == {"title": "hello", "words": 11}
        assert [name for name in site.fetched() if name.startswith(("debian_", "turnup_env", "maven", "pip"))] == []
        assert site.wheels() == set()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "cluster_constants.bzl: ENVS is missing; assign it the list of your environments"),
        ('ENV = ["a"]', "cluster_constants.bzl: ENV is not a constant that Turnup reads; write ENVS"),
        ('ENVS = ["a"]\nNODES = "2"', "cluster_constants.bzl: NODES is '2'; assign it an int"),
        ('ENVS = [env for env in "ab".elems()]\nDEVELOPER_ENV = "c"', 'cluster_constants.bzl: DEVELOPER_ENV is "c", which ENVS does not have'),
        ("ENVS = [", "cluster_constants.bzl, line 1: '[' was never closed; write NAME = value"),
    ],
)
def test_wrong_constants(shop, text, sentence):
    """A wrong constant is one sentence that names it and the file."""
    constants = shop.root / "cluster_constants.bzl"
    before = constants.read_text()
    constants.write_text(text + "\n")
    done = shop.bazel("build", "//greeter:prod")
    constants.write_text(before)

    assert done.returncode != 0
    assert f"Error in fail: {sentence}" in done.stderr
