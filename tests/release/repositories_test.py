"""Tests of repositories that load the release: they build what they build with the checkout, and their launcher runs it.

FORM=long builds and tests all of them; the short form loads every package, and builds the one without images.
"""

import json
import os
import re
import shutil
from xml.etree import ElementTree

import pytest

from rules.common import caches
from tests.build.nested import Nested
from tests.release.released import Released, members, pinned
from tests.repo import tree

long_form = pytest.mark.skipif(os.environ.get("FORM") != "long", reason="takes minutes: bazel test //tests/long:release_repositories_test")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Returns the repository that `turnup init` writes, with the release."""
    with Released(tmp_path_factory.mktemp("new")) as made:
        yield made


def test_every_package_loads(shop):
    """Each BUILD file of the release loads, and no target but a test names a file or a package that the release lacks."""
    done = Nested.bazel(shop, "query", "--output=xml", "kind(rule, @turnup//...)")
    assert done.returncode == 0, done.stderr

    lacking = {}
    # In a release, these two name the package that makes it.
    rules = [rule for rule in ElementTree.fromstring(done.stdout).iter("rule") if rule.get("name") not in ("@turnup//:release", "@turnup//:wheel")]
    assert len(rules) > 200
    for rule in rules:
        if rule.get("class").endswith("_test") or any(each.get("name") == "testonly" and each.get("value") == "true" for each in rule.iter("boolean")):
            continue
        for label in (each.get("name") for each in rule.iter("rule-input")):
            if match := re.fullmatch(r"@turnup//([^:]*):(.*)", label):
                path = "/".join(part for part in match.groups() if part)
                build = "/".join(part for part in (match[1], "BUILD") if part)
                if build not in members() or ((tree.ROOT / path).is_file() and path not in members()):
                    lacking.setdefault(rule.get("name"), []).append(label)
    assert lacking == {}


def test_load_lines_of_docs_migrate(shop):
    """The lines that docs/migrate.md gives to people who come from other rule sets load, in BUILD files and in WORKSPACE."""
    blocks = re.findall(r"^```starlark\n(.*?)^```", tree.text(tree.Path("docs/migrate.md")), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    (shop.root / "migrated").mkdir()
    (shop.root / "migrated/BUILD").write_text("".join(block for block in blocks if ":defs.bzl" in block))
    with (shop.root / "WORKSPACE").open("a") as file:
        file.write("".join(block for block in blocks if ":repositories.bzl" in block))

    done = Nested.bazel(shop, "query", "//migrated:BUILD")

    assert done.returncode == 0, done.stderr


def test_launcher(shop):
    """The launcher unpacks the pinned release once, and runs its commands in the repository."""
    unpacked = caches.cache_dir(os.environ) / "versions" / pinned().sha256
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        first = shop.launcher("--help")
        again = shop.launcher("doctor")
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
        unpacked.with_name(f"{unpacked.name}.lock").unlink(missing_ok=True)

    assert first.returncode == 0 and "cluster" in first.stdout, first.stderr
    assert "downloading" not in again.stderr and "python" in again.stdout.lower(), again.stderr


def test_jsonnet_alone(tmp_path):
    """A repository that takes only rules/jsonnet builds and passes its tests with the release."""
    with Released(tmp_path, "jsonnet_only") as site:
        (site.root / "cluster_constants.bzl").unlink()
        (site.root / "prod/BUILD").unlink()
        done = site.bazel("test", "//...", "--test_output=errors", USER="jane")
        assert done.returncode == 0, done.stdout + done.stderr
        site.build("//site:page")
        assert json.loads((site.root / "bazel-bin/site/page.json").read_text())["title"] == "hello"


@long_form
def test_new_repository(shop):
    """What `turnup init` writes builds, passes its tests and shows its manifests with the release."""
    done = shop.bazel("test", "//...", "--test_output=errors", USER="jane")
    assert done.returncode == 0, done.stdout + done.stderr
    shop.build("//greeter:myns-deep.apply", "//prod:setup.apply", USER="jane")
    assert "172.19.0.2:31000/greeter@sha256:" in shop.output("//greeter:myns-deep")


@long_form
def test_existing_repository(tmp_path):
    """A repository with folders of the same names, packages of its own and a service of a third one builds with the release."""
    with Released(tmp_path, "existing", "depot", flags=False) as mart:
        done = mart.bazel("test", "//...", "--test_output=errors", USER="jane")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "172.28.0.2:31000/orders@sha256:" in mart.output("//orders:own-deep")
