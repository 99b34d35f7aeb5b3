"""Stamp variables in attributes, and which of Bazel's workspace status files their values come from."""

# The keys of the stable status besides those with the prefix STABLE_. Only if one of these values changes does Bazel run an action again.
_STABLE = ["BUILD_EMBED_LABEL", "BUILD_HOST", "BUILD_USER"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

def stamp_keys(text):
    """Lists the keys of the stamp variables in a text, by the grammar of stamping.py.

    Args:
      text: string.

    Returns:
      list of strings.
    """
    keys = []
    for part in text.split("{")[1:]:
        key, brace, _ = part.partition("}")
        if brace and key and key[0] in _LETTERS and not [c for c in key.elems() if c not in _LETTERS + "0123456789_"]:
            keys.append(key)
    return keys

def status_files(ctx, texts):
    """Lists the workspace status files that an action needs for the stamp variables in its attributes.

    An action without stamp variables reads none. Only volatile variables need the volatile file, whose changes do not run an action
    again.

    Args:
      ctx: the rule's context.
      texts: list of strings.

    Returns:
      list of Files.
    """
    keys = [key for text in texts for key in stamp_keys(text)]
    if not keys:
        return []
    if [key for key in keys if key not in _STABLE and not key.startswith("STABLE_")]:
        return [ctx.info_file, ctx.version_file]
    return [ctx.info_file]
