"""The program of the build actions of rules/k8s: one verb per action.

    service    service.yaml → checked service.json
    normalize  manifests → objects with settings, namespaces and content-hashed names
    resolve    normalized objects + image digests or pins → the objects that an apply sends
    closure    checks what only a whole closure shows (two services of one name, …), and finds references across targets
    override   the closure's check + resolved objects → the objects that the closure changes

Every verb writes its output only if it succeeds. With `--persistent_worker` alone the program serves one request of Bazel
after another, so that a repository of many services does not pay for one start of Python per service.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from rules.common.stamping import fill, is_stable, read_status, variables
from rules.common.worker import start
from rules.k8s.tools.build import closure
from rules.k8s.tools.build.coherence import check_coherence
from rules.k8s.tools.build.image_lock import parse_lock
from rules.k8s.tools.build.image_names import check_keys, publish_name
from rules.k8s.tools.build.pins import parse_pins
from rules.k8s.tools.build.service_yaml import parse_service
from rules.k8s.tools.build.unfollowed import find_unfollowed, find_unreferenced
from rules.k8s.tools.errors import TurnupError, run_main
from rules.k8s.tools.objects.duplicates import find_duplicate
from rules.k8s.tools.objects.hashed_names import hash_names
from rules.k8s.tools.objects.image_references import check_images, find_mentions, replace_mentions, substitute_images
from rules.k8s.tools.objects.objects import (
    Object,
    check_path_names,
    defined_scopes,
    fill_namespace,
    identity,
    in_scope,
    is_cluster_scoped,
    is_config,
    is_namespace_name,
    named_namespaces,
    read_objects,
    with_owner,
)
from rules.k8s.tools.objects.references import Config
from rules.k8s.tools.objects.server_fields import (
    check_values,
    with_data,
    with_values,
    without_generated_selector,
    without_null_in_lists,
    without_server_fields,
)
from rules.k8s.tools.schemas.custom import check_custom
from rules.k8s.tools.schemas.validation import Validation, check_definition


def service(args: argparse.Namespace) -> None:
    """Checks a service.yaml and writes it as JSON."""
    data = parse_service(_text(args.input), args.input)
    _write(args.output, data)


def normalize(args: argparse.Namespace) -> None:
    """Reads manifests and writes {label, settings…, named_namespaces, volatile, images, other_images, objects}: all but the images' digests.

    `images` has each key that the objects use, with its stamp variables filled in. `volatile` has the values of the stamp variables
    in the settings that Bazel does not watch. `other_images` has the images by tag that nothing provides: {reference: first user}.
    """
    status = read_status(args.status)

    def stamped(text: str, attribute: str) -> str:
        return fill(text, status, f"{args.label}: {attribute}") if args.status else text

    namespace = stamped(args.namespace, "namespace")
    if namespace and not is_namespace_name(namespace):
        raise TurnupError(f"{args.label}: namespace {namespace!r} is not a DNS label. Use at most 63 lower-case letters, digits and '-'.")
    if args.namespace_owner:
        # An action reports this, not the rule, because Bazel prints a traceback for the failure of a rule.
        raise TurnupError(
            f"{args.label}: environment {args.environment} has the namespace {namespace!r}, which belongs to environment "
            f"{args.namespace_owner}. Set USER to a name that no environment has, for example USER={namespace}-me."
        )
    # An error names the file that a person wrote, not only the file rendered from it.
    where = f"{args.label} ({args.source})" if args.source else args.label
    objects = []
    pairs = json.loads(_text(args.substitutions)) if args.substitutions else []
    substitutions = [(text, stamped(value, "substitutions")) for text, value in pairs]
    for path in args.manifests:
        objects += read_objects(_substituted(_text(path), substitutions), path, f"{args.source} (rendered as {path})" if args.source else "")
    objects = [without_generated_selector(without_null_in_lists(without_server_fields(obj, where))) for obj in objects]
    objects = [with_owner(fill_namespace(obj, namespace, where, args.environment), args.label) for obj in objects]
    for obj in objects:
        check_values(obj, where)
    check_schemas(objects, where, args)
    named = named_namespaces(objects)
    try:
        objects = objects if args.stable_names else hash_names(objects)
    except TurnupError as error:
        raise TurnupError(f"{where}: {error}") from None
    # After the hashes: that of a Secret is salted with the namespace in its manifest, and must not change.
    scopes = defined_scopes(objects)
    objects = [in_scope(obj, is_cluster_scoped(obj, scopes), where, args.environment) for obj in objects]
    for obj in objects:
        check_path_names(obj, where)
    duplicate = find_duplicate((args.label, obj) for obj in objects)
    if duplicate:
        raise TurnupError(f"{where}: {duplicate.identity} appears twice in {args.source or ', '.join(args.manifests)}. Keep one.")
    _print(find_unfollowed(((args.label, obj) for obj in objects), args.label, across=False), args)
    images = {key: stamped(key, "images") for key in args.image}
    check_keys(images, args.label)
    mentions = find_mentions(objects, {*images, *images.values()})
    checked = check_images(objects, [*images, *images.values(), *args.preload], where, by_tag=args.by_tag)
    used = {*checked.used, *(text for obj, text in mentions if not is_config(obj))}
    _print([_mention_note(args.label, obj, text) for obj, text in mentions if is_config(obj)], args)
    settings = {name: getattr(args, name) for name in ("cluster", "context", "namespace", "user")}
    volatile = {key: name for name, text in settings.items() for key in variables(text) if key in status and not is_stable(key)}
    _print([_volatile_note(args.label, name, key) for key, name in volatile.items()], args)
    _write(
        args.output,
        {
            "label": args.label,
            "environment": args.environment,
            **{name: stamped(text, name) for name, text in settings.items()},
            "named_namespaces": named,
            "volatile": {key: status[key] for key in volatile},
            "images": {key: value for key, value in images.items() if key in used or value in used},
            "other_images": checked.others,
            "objects": objects,
        },
    )


def check_schemas(objects: Sequence[Object], where: str, args: argparse.Namespace) -> None:
    """Checks objects against the schemas of Kubernetes; prints notes about what is deprecated.

    Raises:
        TurnupError: an object does not have the form that it should have.
    """
    if not args.schemas:
        return
    for obj in objects:
        if obj["kind"] == "CustomResourceDefinition":
            check_definition(obj, where)
    written = [args.source] if args.source else args.manifests
    _print(Validation.read(args.schemas).check(objects, where, {path: _text(path) for path in written}), args)


def _substituted(text: str, substitutions: Sequence[tuple[str, str]]) -> str:
    """Returns a text after replacements, one after the other."""
    for old, new in substitutions:
        text = text.replace(old, new)
    return text


def _volatile_note(label: str, name: str, key: str) -> str:
    return (
        f"NOTE: {label}: {name} has the stamp variable {key}. Bazel does not build the target again when its value changes, so the "
        f"target may keep an old {name}. Print it as STABLE_{key} from your --workspace_status_command, and use that name."
    )


def _mention_note(label: str, obj: Object, text: str) -> str:
    return (
        f"NOTE: {label}: {identity(obj)} has the image {text!r}, which stays as it is there, because the object's name has a hash of its "
        "content. Use the image's digest, or name the image in a container."
    )


def resolve(args: argparse.Namespace) -> None:
    """Replaces image references by references with a digest, and stringData by data.

    `args.built` has lists of key, repository prefix, digest file; `args.pin`
    pairs of key and name in the pins file; `args.lock` the lock of images by tag and
    `args.lock_update` the target that writes it. The output adds to the normalized
    document `references` {key: reference with a digest} and `missing_pins` [name].
    """
    document = json.loads(Path(args.input).read_text(encoding="utf-8"))
    keys: dict[str, str] = document["images"]
    status = read_status(args.status)
    references: dict[str, str] = {}
    missing: list[str] = []
    for key, chroot, digest_file in args.built:
        if key in keys:
            digest = Path(digest_file).read_text(encoding="utf-8").strip()
            prefix = fill(chroot, status, f"{document['label']}: image_chroot") if args.status else chroot
            references[key] = f"{publish_name(keys[key], prefix, args.registry, document['label'])}@{digest}"
    if args.pin:
        environments = args.environments.split(",")
        pins = parse_pins(_text(args.pins), args.pins, environments) if args.pins else {}
        pinned = pins.get(document["environment"], {})
        for key, name in args.pin:
            if name in pinned:
                references[key] = pinned[name]
            elif key in keys:
                missing.append(name)
    replacements = {text: reference for key, reference in references.items() if key in keys for text in (key, keys[key])}
    if args.lock:
        replacements.update(_locked(document, args.lock, args.lock_update))
    objects = substitute_images(document["objects"], replacements)
    replace_mentions(objects, replacements)
    document["objects"] = [with_data(with_values(obj)) for obj in objects]
    document["references"] = {key: value for key, value in references.items() if key in keys}
    document["missing_pins"] = missing
    _write(args.output, document)


def _locked(document: dict[str, Any], path: str, update: str) -> dict[str, str]:
    """Returns {reference by tag: the same with its locked digest} for the images of a document that nothing else provides.

    Raises:
        TurnupError: the file is not a lock, or lacks an image.
    """
    label = document["label"]
    digests = parse_lock(_text(path), path, update)
    for reference, user in document["other_images"].items():
        if reference not in digests:
            raise TurnupError(f"{label}: {user}: the image {reference!r} is not in {path}. Lock it with 'bazel run {update}'.")
    return {reference: f"{reference}@{digests[reference]}" for reference in document["other_images"]}


def check_closure(args: argparse.Namespace) -> None:
    """Checks a closure and writes {label, objects, services, names, scopes, changed}.

    `objects` is the number of objects, `services` lists names. `names` has the references from one target to another's
    ConfigMap or Secret, as [kind, namespace, name in the manifest, name on the cluster], and `scopes` the custom resources
    whose definition is in the closure, as [group, kind, cluster-scoped]. `changed` lists the targets that these two change.

    `args.entry` has lists of label, normalized file, service.json ("" for none).
    """
    entries = []
    for label, normalized, service_file in args.entry:
        document = json.loads(Path(normalized).read_text(encoding="utf-8"))
        name = json.loads(Path(service_file).read_text(encoding="utf-8"))["name"] if service_file else ""
        entries.append(closure.Entry(label, document, name))
    links = closure.cross_references(entries)
    changed = closure.check(entries, args.label, links)
    objects = [(entry.label, obj) for entry in entries for obj in entry.document["objects"]]
    check_custom(objects, args.label)
    check_coherence(objects, args.label)
    sent = [(entry.label, links.apply(obj, entry.label, entry.document["environment"])) for entry in entries for obj in entry.document["objects"]]
    unfollowed = find_unfollowed(sent, args.label, across=True)
    _print([*unfollowed, *find_unreferenced(sent, args.label)], args)
    _write(
        args.output,
        {
            "label": args.label,
            "objects": sum(len(entry.document["objects"]) for entry in entries),
            "services": sorted(entry.service for entry in entries if entry.service),
            "names": [[config.kind, config.namespace, config.name, name] for config, name in sorted(links.names.items())],
            "scopes": [[group, kind, scope] for (group, kind), scope in sorted(links.scopes.items())],
            "changed": sorted(changed),
        },
    )


def override(args: argparse.Namespace) -> None:
    """Writes {label, objects}: the objects that a closure sends instead of those in the resolved documents of its targets.

    `objects` has one {target, index, object} for each: the target's label and the object's index in its document. Few
    closures have any. Copying the documents would make every closure as large as all that it reaches; this file has only
    what differs, and the closure's targets share their resolved documents with every other closure.

    `args.entry` has lists of label and resolved file; `args.checked` is the output of `closure`.
    """
    checked = json.loads(Path(args.checked).read_text(encoding="utf-8"))
    links = closure.CrossReferences(
        {Config(kind, namespace, base): name for kind, namespace, base, name in checked["names"]},
        {(group, kind): scope for group, kind, scope in checked["scopes"]},
    )
    changed = set(checked["changed"])
    overrides = []
    for label, resolved in args.entry:
        if label in changed:
            document = json.loads(Path(resolved).read_text(encoding="utf-8"))
            for index, obj in enumerate(document["objects"]):
                linked = links.apply(obj, label, document["environment"])
                if linked is not obj:
                    overrides.append({"target": label, "index": index, "object": linked})
    _write(args.output, {"label": args.label, "objects": overrides})


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise TurnupError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None


def _write(path: str, value: Any) -> None:
    Path(path).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _print(notes: list[str], args: argparse.Namespace) -> None:
    for note in notes:
        print(note, file=args.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="k8s_build", description=__doc__, fromfile_prefix_chars="@")
    verbs = parser.add_subparsers(dest="verb", required=True)

    sub = verbs.add_parser("service", help="check a service.yaml")
    sub.add_argument("input")
    sub.add_argument("output")
    sub.set_defaults(run=service)

    sub = verbs.add_parser("normalize", help="fill in settings, namespaces and content-hashed names")
    sub.add_argument("--label", required=True)
    for name in ("environment", "cluster", "context", "user", "namespace", "namespace-owner"):
        sub.add_argument(f"--{name}", default="")
    sub.add_argument("--image", action="append", default=[], help="a reference that an image target provides")
    sub.add_argument("--preload", action="append", default=[], help="a reference that a loader puts onto the nodes")
    sub.add_argument("--by-tag", action="store_true", help="allow images by tag that nothing provides")
    sub.add_argument("--substitutions", default="", help="a JSON list of [text, replacement]")
    sub.add_argument("--status", action="append", default=[], help="workspace status file, for stamp variables")
    sub.add_argument("--stable-names", action="store_true", help="keep the names of ConfigMaps and Secrets")
    sub.add_argument("--schemas", action="append", default=[], help="a file of schemas, of one minor version of Kubernetes")
    sub.add_argument("--source", default="", help="the file that the manifests were rendered from, for errors")
    sub.add_argument("--output", required=True)
    sub.add_argument("manifests", nargs="+")
    sub.set_defaults(run=normalize)

    sub = verbs.add_parser("resolve", help="replace image references by references with a digest")
    sub.add_argument("--input", required=True)
    sub.add_argument("--output", required=True)
    sub.add_argument("--status", action="append", default=[], help="workspace status file, for stamp variables in image_chroot")
    sub.add_argument("--built", type=json.loads, action="append", default=[], metavar="[KEY, CHROOT, DIGEST_FILE]")
    sub.add_argument("--registry", default="", help="the registry of built images whose name has none")
    sub.add_argument("--lock", default="", help="the lock of images by tag")
    sub.add_argument("--lock-update", default="", help="the target that writes the lock")
    sub.add_argument("--pins", default="")
    sub.add_argument("--pin", nargs=2, action="append", default=[], metavar=("KEY", "NAME"))
    sub.add_argument("--environments", default="", help="comma-separated environments that take pins")
    sub.set_defaults(run=resolve)

    sub = verbs.add_parser("closure", help="check a whole closure")
    sub.add_argument("--label", required=True)
    sub.add_argument("--output", required=True)
    sub.add_argument("--entry", type=json.loads, action="append", default=[], metavar="[LABEL, NORMALIZED, SERVICE]")
    sub.set_defaults(run=check_closure)

    sub = verbs.add_parser("override", help="write the objects that a closure changes")
    sub.add_argument("--label", required=True)
    sub.add_argument("--checked", required=True, help="the output of closure")
    sub.add_argument("--output", required=True)
    sub.add_argument("--entry", type=json.loads, action="append", default=[], metavar="[LABEL, RESOLVED]")
    sub.set_defaults(run=override)
    return parser


def run(argv: Sequence[str], stderr: TextIO | None = None) -> int:
    """Runs one verb; returns the exit code (0 done, 1 bad input, 2 usage).

    Args:
        argv: the command line.
        stderr: gets notes, and the error about bad input; sys.stderr when None.
    """
    args = _parser().parse_args(argv)
    args.stderr = stderr or sys.stderr

    def body() -> int:
        args.run(args)
        return 0

    return run_main(body, stderr=stderr)


def main(argv: list[str]) -> int:
    """Runs one verb, or serves Bazel; returns the exit code."""
    return start(run, argv, "k8s_build")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
