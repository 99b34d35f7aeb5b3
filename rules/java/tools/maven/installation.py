"""The machine's Maven: where it is installed, and which repository it asks if nothing else is configured."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from rules.java.tools.maven.errors import InputError

# The POM from which every other inherits.
_SUPER_POM = "org/apache/maven/model/pom-4.0.0.xml"
# Where Debian's package puts it, for a PATH that lacks mvn.
_DEBIAN = "/usr/share/maven"


def find(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Returns the folder of the Maven installation: $MAVEN_HOME, or the one of mvn on PATH; None if there is none."""
    mvn = shutil.which("mvn", path=environ.get("PATH", os.defpath))
    real = Path(os.path.realpath(mvn)).parent.parent if mvn else None
    for candidate in [environ.get("MAVEN_HOME", ""), real, real and real / "libexec", _DEBIAN]:
        if candidate and Path(candidate, "lib").is_dir() and any(Path(candidate, "lib").glob("maven-core*.jar")):
            return Path(candidate)
    return None


def default_repository(installation: Path | None) -> tuple[str, str]:
    """Returns the id and address of the repository that Maven asks without any configuration.

    Args:
        installation: the folder of the Maven installation. None: the address is empty, and a mirror must stand in.

    Raises:
        InputError: the installation lacks the file that says it.
    """
    if installation is None:
        return "central", ""
    for jar in sorted(Path(installation, "lib").glob("maven-model-builder*.jar")):
        with zipfile.ZipFile(jar) as archive:
            root = ElementTree.fromstring(archive.read(_SUPER_POM))  # noqa: S314  # part of the installed Maven
        for repository in root.iterfind("{*}repositories/{*}repository"):
            return repository.findtext("{*}id") or "central", repository.findtext("{*}url") or ""
    raise InputError(f"{installation} is not a Maven 3: it has no maven-model-builder. Install Maven 3, or set MAVEN_HOME to one.")
