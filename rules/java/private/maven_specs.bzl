"""Artifacts as a list in WORKSPACE, or a file, names them."""

def _artifact(group, artifact, version = "", packaging = "jar", classifier = "", exclusions = [], neverlink = False, testonly = False):
    """Describes an artifact that needs more than its coordinates.

    Args:
      group: the group, such as `redis.clients`.
      artifact: the artifact's name, such as `jedis`.
      version: the version. Empty: the one of a BOM in `boms`.
      packaging: the file's extension: `jar`, or `exe` for a program.
      classifier: the classifier, such as `linux-x86_64`. Empty: none.
      exclusions: dependencies to leave out, each `group:artifact` or a `maven.exclusion`; `*` stands for any name.
      neverlink: the jar is for compilation only, and is not there at run time.
      testonly: only tests may depend on it.

    Returns:
      an element of `maven_repository`'s artifacts.
    """
    return json.encode({
        "artifact": artifact,
        "classifier": classifier,
        "exclusions": [_exclusion_text(exclusion) for exclusion in exclusions],
        "group": group,
        "neverlink": neverlink,
        "packaging": packaging,
        "testonly": testonly,
        "version": version,
    })

def _exclusion(group, artifact):
    """Names dependencies to leave out.

    Args:
      group: the group; `*` for any.
      artifact: the artifact's name; `*` for any.

    Returns:
      an element of `exclusions` or `excluded_artifacts`.
    """
    return "%s:%s" % (group, artifact)

def _exclusion_text(exclusion):
    if exclusion.count(":") != 1:
        fail("exclusion %r is not group:artifact. Write a group, a colon and an artifact; * stands for any name." % exclusion)
    return exclusion

maven = struct(
    artifact = _artifact,
    exclusion = _exclusion,
)

def parse_artifact(where, text):
    """Reads an element of an artifact list.

    Args:
      where: the repository or the file and line, for errors.
      text: coordinates, or the result of maven.artifact.

    Returns:
      a dict with group, artifact, packaging, classifier, version, exclusions, neverlink and testonly.
    """
    if text.startswith("{"):
        spec = json.decode(text)
    else:
        parts = text.split(":")
        if len(parts) < 2 or len(parts) > 5:
            fail(_malformed(where, text))
        spec = {
            "artifact": parts[1],
            "classifier": parts[3] if len(parts) == 5 else "",
            "exclusions": [],
            "group": parts[0],
            "neverlink": False,
            "packaging": parts[2] if len(parts) > 3 else "jar",
            "testonly": False,
            "version": parts[-1] if len(parts) > 2 else "",
        }
    for part in ["group", "artifact", "packaging"]:
        if not spec[part]:
            fail(_malformed(where, text))
    for part in ["group", "artifact", "packaging", "classifier", "version"]:
        for character in spec[part].elems():
            if not (character.isalnum() or character in "._-+"):
                fail(_malformed(where, text))
    return spec

def _malformed(where, text):
    return "%s: %r is not an artifact. Write group:artifact:version, group:artifact:packaging:version or group:artifact:packaging:classifier:version." % (where, text)

def coordinates(spec):
    """Returns an artifact's coordinates in their shortest form.

    Args:
      spec: the result of parse_artifact.

    Returns:
      group:artifact[:packaging[:classifier]][:version]; with a packaging and without a version, the end is a colon.
    """
    parts = [spec["group"], spec["artifact"]]
    if spec["packaging"] != "jar" or spec["classifier"]:
        parts.append(spec["packaging"])
    if spec["classifier"]:
        parts.append(spec["classifier"])

    # Otherwise what stands last would be read as the version.
    return ":".join(parts + ([spec["version"]] if spec["version"] or len(parts) > 2 else []))

def target_name(key):
    """Returns the target's name of an artifact, as rules_jvm_external makes it.

    Args:
      key: group:artifact[:packaging[:classifier]].

    Returns:
      the name, with _ for everything that is not a letter or a digit.
    """
    parts = key.split(":")
    if len(parts) > 2 and parts[2] in ["bundle", "jar", "maven-plugin", "pom"]:
        parts.pop(2)
    return "".join([c if c.isalnum() else "_" for c in ":".join(parts).elems()])
