"""Files and images for the image rows: a folder like an interpreter's library, and images that the rules' tools build from it."""

import json
import random
import shutil
from pathlib import Path

from rules.image.tools.images import archive, image
from rules.image.tools.layers import layer
from rules.image.tools.push.push import Image

FILES, TREE_BYTES = 3130, 80_000_000
_LETTERS = "etaoinshrdlucmfwypvbgkjqxz"


def make_tree(folder: Path) -> None:
    """Fills a folder with 3,130 files of 80 MB in total, the same on every machine, which compress about like source code."""
    rng = random.Random(1)
    words = ["".join(rng.choices(_LETTERS, range(26, 0, -1), k=rng.randint(2, 11))) for _ in range(20_000)]
    marks = [" ", " ", " ", " ", "(", ")", ", ", ".", " = ", ":\n    ", "\n    ", "\n        ", "\n\n", '"']
    weights = [1 / (rank + 10) for rank in range(len(words))]
    sizes = [rng.lognormvariate(0, 1.2) for _ in range(FILES)]
    scale = TREE_BYTES / sum(sizes)
    for number, size in enumerate(sizes):
        count = int(size * scale / 7.5) + 1
        text = "".join(map(str.__add__, rng.choices(words, weights, k=count), rng.choices(marks, k=count)))
        path = folder / f"package{number % 97:02}" / f"module{number:04}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def make_layer(folder: Path, name: str, where: str, content: Path) -> Path:
    """Builds a layer from a file or folder with the layer tool.

    Args:
        folder: output folder for NAME.tar.gz and NAME.json.
        name: name of the output files.
        where: path in the image.
        content: the file or folder.

    Returns:
        Path of the blob.
    """
    option = "--tree" if content.is_dir() else "--file"
    words = ["--where", f"//bench:{name}", "--blob", str(folder / f"{name}.tar.gz"), "--descriptor", str(folder / f"{name}.json")]
    layer.main([*words, "--compression", "gzip", option, where, str(content)])
    return folder / f"{name}.tar.gz"


def make_image(folder: Path, name: str, layers: list[str], repository: str, tags: tuple[str, ...] = ("latest",)) -> Image:
    """Builds an image with the image tool from layers that make_layer wrote to the same folder, base first."""
    manifest, config = folder / f"{name}.manifest", folder / f"{name}.config"
    words = [word for one in layers for word in ("--layer", str(folder / f"{one}.json"))]
    image.main(["--where", f"//bench:{name}", "--config", str(config), "--manifest", str(manifest), "--digest", str(folder / f"{name}.digest"), *words])
    return Image(manifest, config, [(folder / f"{one}.tar.gz", folder / f"{one}.json") for one in layers], repository, tags)


def make_layout(folder: Path, built: Image) -> Path:
    """Writes an image as an OCI layout, which crane pushes; an existing layout is replaced."""
    shutil.rmtree(folder, ignore_errors=True)
    words = [word for blob, _ in built.layers for word in ("--layer", str(blob))]
    archive.main(["--layout", str(folder), "--image", "bench:latest", str(built.manifest), str(built.config), *words])
    return folder


def write_plan(path: Path, registry: str, images: list[Image]) -> Path:
    """Writes the plan of a push, as the build of a container_push target does, with absolute paths."""
    lines: list[tuple] = [("registry", registry, "auto")]
    for built in images:
        data = built.manifest.read_bytes()
        manifest = json.loads(data)
        digest = built.manifest.with_suffix(".digest").read_text()
        lines.append(("image", built.repository, digest, manifest["mediaType"], len(data), str(built.manifest)))
        lines += [("tag", tag) for tag in built.tags]
        files = [built.config, *(blob for blob, _ in built.layers)]
        lines += [("blob", part["digest"], part["size"], str(file)) for part, file in zip([manifest["config"], *manifest["layers"]], files, strict=False)]
    path.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
    return path


def write_spec(path: Path, registry: str, built: Image) -> Path:
    """Writes the input of container_push's plan action, for an image that is pushed as `latest` of its repository."""
    files = {"manifest": str(built.manifest), "runfiles": str(built.manifest), "docker": None, "docker_runfiles": None, "config": str(built.config)}
    images = [{"reference": None, **files, "layers": [[str(blob), str(blob)] for blob, _ in built.layers]}]
    names = {"registry": registry, "repository": built.repository, "repository_file": None, "tag": "latest", "tag_file": None}
    path.write_text(json.dumps({"where": "//bench:push", **names, "insecure": False, "format": "OCI", "status": [], "images": images}))
    return path
