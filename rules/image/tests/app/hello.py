"""A program for the image tests: prints what an image has to get right, as one JSON object."""

import json
import os
import ssl
import subprocess
import sys
import zoneinfo

import yaml

from rules.image.tests.app.greeting import greeting

FOLDER = os.path.dirname(__file__)


def main(argv: list[str]) -> int:
    """Prints facts about the process, and returns 0."""
    with open(os.path.join(os.environ["RUNFILES_DIR"], "turnup/rules/image/tests/app/data.txt"), encoding="utf-8") as file:
        data = file.read().strip()
    facts = {
        "greeting": greeting(argv[0] if argv else "world"),
        "yaml": yaml.safe_load("[1, 2]"),
        "version": list(sys.version_info[:2]),
        "user": os.getuid(),
        "authorities": len(ssl.create_default_context().get_ca_certs()),
        "zone": str(zoneinfo.ZoneInfo("Europe/Zurich")),
        "data": data,
        "tool": subprocess.run([os.path.join(FOLDER, "tool")], capture_output=True, check=True).stdout.decode()
        if os.path.exists(os.path.join(FOLDER, "tool"))
        else None,
        "path": [path for path in sys.path if "site-packages" in path],
        "cached": __import__("json").__cached__,
    }
    print(json.dumps(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
