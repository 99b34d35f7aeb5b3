"""Make variables in attributes; newer versions of Bazel advise against ctx.expand_make_variables."""

def expand(ctx, attribute, value):
    """Expands $(VARIABLE) and turns $$ into a dollar sign; other dollar signs stay, for $NAME in env.

    Args:
      ctx: a rule's context.
      attribute: the attribute's name, for the error.
      value: string.
    Returns:
      string.
    """
    return "$".join([_expand_part(ctx, attribute, value, part) for part in value.split("$$")])

def _expand_part(ctx, attribute, value, text):
    """Expands $(VARIABLE) in a part of the value that has no $$."""
    parts = text.split("$(")
    front = parts[0]
    for part in parts[1:]:
        name, closed, after = part.partition(")")
        if not closed or not name:
            fail("%s: '%s' has $( without a complete $(NAME). Use $$ for a dollar sign." % (attribute, value))
        if name not in ctx.var:
            fail("%s: '%s' uses the Make variable $(%s), which is not defined. Pass --define=%s=VALUE, or use $$ for a dollar sign." % (attribute, value, name, name))
        front += ctx.var[name] + after
    return front
