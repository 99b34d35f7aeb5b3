"""Quoting for shell scripts: names of targets and files have characters that a shell would run."""

def in_double_quotes(text):
    """Returns text for a place between double quotes.

    Args:
      text: string.

    Returns:
      string.
    """
    for special in ["\\", "\"", "$", "`"]:
        text = text.replace(special, "\\" + special)
    return text

def shell_word(text):
    """Returns text as one word, in single quotes.

    Args:
      text: string.

    Returns:
      string.
    """
    return "'%s'" % text.replace("'", "'\\''")
