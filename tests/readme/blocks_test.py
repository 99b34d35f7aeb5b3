"""Tests of the search for shell blocks in a Markdown file."""

from tests.readme.blocks import Block, blocks

TEXT = """# Title

```sh
one
two
```

```
not shell
```

<!-- not run in tests: needs Docker -->
```sh
three
```

<!-- not run in tests: too far away -->

```sh
four
```
"""


def test_blocks_in_order():
    """Only blocks marked sh are found, and a comment applies only to the block right below it."""
    assert blocks(TEXT) == [Block(4, "one\ntwo\n"), Block(14, "three\n", "needs Docker"), Block(20, "four\n")]


def test_title_is_the_first_command():
    """A block's title is its first command."""
    assert blocks(TEXT)[0].title == "one"
