"""How a repository names the version of Turnup that it uses: a folder, or a release with its sha256."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from cli.common import workspace
from cli.init import archive
from cluster.common.errors import TurnupError, UsageError

WHEEL_RELEASE = "release.json"
"""In a wheel, the file with the URL and the sha256 of its release; the URL is empty if it was not known."""
_SCHEMES = ("https://", "http://", "file://")


@dataclass(frozen=True)
class Pin:
    """A version of Turnup.

    Attributes:
        place: the folder's path, or the release's URL.
        sha256: of the release's archive; empty for a folder.
        prefix: the folder in the archive; empty for none.
    """

    place: str
    sha256: str = ""
    prefix: str = ""

    def workspace(self) -> str:
        """Returns the lines of WORKSPACE that declare the repository."""
        if not self.sha256:
            return f'local_repository(\n    name = "turnup",\n    path = "{self.place}",\n)'
        return (
            'load("@bazel_tools//tools/build_defs/repo:http.bzl", "http_archive")\n\n'
            f'http_archive(\n    name = "turnup",\n    sha256 = "{self.sha256}",\n    strip_prefix = "{self.prefix}",\n    urls = ["{self.place}"],\n)'
        )

    def module(self, version: str) -> str:
        """Returns the lines of MODULE.bazel that declare the module.

        Args:
            version: Turnup's version.
        """
        dep = f'bazel_dep(name = "turnup", version = "{version}")\n'
        if not self.sha256:
            return f'{dep}local_path_override(\n    module_name = "turnup",\n    path = "{self.place}",\n)'
        integrity = "sha256-" + base64.b64encode(bytes.fromhex(self.sha256)).decode()
        return (
            f'{dep}archive_override(\n    module_name = "turnup",\n    integrity = "{integrity}",\n'
            f'    strip_prefix = "{self.prefix}",\n    urls = ["{self.place}"],\n)'
        )


def of_folder(folder: Path) -> Pin:
    """Returns the pin of an unpacked Turnup.

    Raises:
        UsageError: the folder has no Turnup.
    """
    if not (folder / "repositories.bzl").is_file() or not (folder / "turnup").is_file():
        raise UsageError(f"--turnup {folder}: there is no Turnup; name the folder of a checkout or of an unpacked release")
    return Pin(str(folder.resolve()))


def of_release(url: str, version: str) -> Pin:
    """Returns the pin of a release's archive, which is downloaded for its sha256.

    Args:
        url: its URL, or a path.
        version: Turnup's version.

    Raises:
        UsageError: the URL has another scheme.
        TurnupError: it cannot be read, is not a release, or is another archive of this version than the wheel belongs to.
    """
    if "://" not in url:
        url = Path(url).resolve().as_uri()
    if not url.startswith(_SCHEMES):
        raise UsageError(f"--release {url}: the URL must begin with https://, http:// or file://")
    sha256, prefix = archive.inspect(url)
    known = _wheel_release()
    if known and prefix == f"turnup-{version}" and sha256 != known["sha256"]:
        raise TurnupError(f"--release {url}: the archive has sha256 {sha256}, and the release of turnup {version} has {known['sha256']}; use another URL")
    return Pin(url, sha256, prefix)


def default(version: str) -> Pin:
    """Returns the pin for a call that names none: of this checkout or unpacked release, or of the release that the wheel belongs to.

    Args:
        version: Turnup's version.

    Raises:
        UsageError: the wheel does not know where its release is.
    """
    known = _wheel_release()
    if known is None:
        return of_folder(workspace.ROOT)
    if not known["url"]:
        raise UsageError("this turnup was installed from a wheel, which has no rules; add --release URL, or --turnup FOLDER with a checkout")
    return Pin(known["url"], known["sha256"], f"turnup-{version}")


def _wheel_release() -> dict[str, str] | None:
    """Returns the URL and sha256 of the release that this wheel was made from; None if this is not a wheel."""
    path = workspace.ROOT / WHEEL_RELEASE
    known: dict[str, str] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return known
