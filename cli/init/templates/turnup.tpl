#!/usr/bin/env bash
# Runs the Turnup that this repository pins in MODULE.bazel or WORKSPACE. A release is downloaded once, and its sha256 is checked.
set -euo pipefail
root=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
command -v python3 >/dev/null || { echo "ERROR: turnup needs Python 3.11 or newer, and PATH has none; install it (on Debian 12: apt-get install python3)" >&2; exit 1; }
folder=$(python3 -I - "$root" <<'PYTHON'
import ast, base64, fcntl, gzip, hashlib, os, shutil, sys, tarfile, tempfile, urllib.request, zlib

ROOT = sys.argv[1]


def die(text):
    sys.exit(f"ERROR: {text}")


def pin(file):
    """Returns what a file says of the repository `turnup` as a dict, or None."""
    path = os.path.join(ROOT, file)
    if not os.path.exists(path):
        return None
    try:
        tree = ast.parse(open(path, encoding="utf-8").read())
    except (SyntaxError, UnicodeDecodeError) as error:
        die(f"{file}: {error}; the file must be valid Starlark")
    found = None
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        words = {word.arg: word.value for word in node.keywords}
        rule = ast.unparse(node.func)
        name = words.get("module_name") or words.get("name")
        if rule in ("local_repository", "http_archive", "local_path_override", "archive_override") and isinstance(name, ast.Constant) and name.value == "turnup":
            try:
                found = {key: ast.literal_eval(value) for key, value in words.items()}
            except ValueError:
                die(f"{file}: the arguments of {rule}(name = \"turnup\") must be literals, because ./turnup reads them")
    return found


found = pin("MODULE.bazel") or pin("WORKSPACE") or pin("WORKSPACE.bazel")
if not found:
    die("neither MODULE.bazel nor WORKSPACE declares the repository turnup; write the lines that turnup init prints")
if "path" in found:
    folder = os.path.join(ROOT, os.path.expanduser(found["path"]))
    if not os.path.exists(os.path.join(folder, "turnup")):
        die(f"{folder} has no Turnup; correct the path in MODULE.bazel or WORKSPACE")
    print(folder)
    sys.exit()

wanted = found.get("sha256") or ""
if found.get("integrity", "").startswith("sha256-"):
    wanted = base64.b64decode(found["integrity"][len("sha256-"):]).hex()
urls = found.get("urls") or [found.get("url")]
urls = [urls] if isinstance(urls, str) else urls
if len(wanted) != 64 or not urls[0]:
    die("the declaration of turnup has no sha256 or no url; write the lines that turnup init prints")
base = os.environ.get("XDG_CACHE_HOME") or ""
cache = os.path.join(base if os.path.isabs(base) else os.path.expanduser("~/.cache"), "turnup", "versions")
folder = os.path.join(cache, wanted)
try:
    os.makedirs(cache, mode=0o700, exist_ok=True)
    for path in (cache, folder):
        if os.path.exists(path) and os.stat(path).st_uid != os.getuid():
            die(f"{path} belongs to another user, who could change what it runs; remove it, or set XDG_CACHE_HOME")
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(folder):
            print(f"turnup: downloading {urls[0]}", file=sys.stderr)
            with tempfile.TemporaryDirectory(dir=cache) as made:
                archive = os.path.join(made, "archive")
                for url in urls:
                    try:
                        with urllib.request.urlopen(url, timeout=60) as answer, open(archive, "wb") as file:
                            shutil.copyfileobj(answer, file)
                        break
                    except (OSError, ValueError) as error:
                        problem = f"{url}: {error}"
                else:
                    die(f"{problem}; check the network and the url")
                have = hashlib.sha256(open(archive, "rb").read()).hexdigest()
                if have != wanted:
                    die(f"{url} has sha256 {have}, and the repository pins {wanted}; it is not the release that was pinned")
                content = os.path.join(made, "content")
                try:
                    with tarfile.open(archive) as opened:
                        for member in opened.getmembers():
                            if member.name.startswith("/") or ".." in member.name.split("/") or not (member.isfile() or member.isdir()):
                                die(f"{url}: {member.name} is not a file of a release")
                        # Python 3.12 warns if no filter is chosen; the first 3.11 has none.
                        opened.extractall(content, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
                except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
                    die(f"{url} is not a tar archive ({error}); pin a turnup-VERSION.tar.gz")
                content = os.path.join(content, found.get("strip_prefix") or "")
                if not os.path.isfile(os.path.join(content, "turnup")):
                    die(f"{url} has no file {os.path.join(found.get('strip_prefix') or '', 'turnup')}; correct strip_prefix in MODULE.bazel or WORKSPACE")
                os.rename(content, folder)
except OSError as error:
    die(f"{cache}: {error.strerror}; set XDG_CACHE_HOME to a folder that you can write to")
print(folder)
PYTHON
)
export TURNUP_WORKSPACE="$root"
exec "$folder/turnup" "$@"
