"""Tests of class files: what the constant pool says."""

import shutil
import subprocess

import pytest

from rules.image.tools.errors import InputError
from rules.image.tools.java import class_files

SOURCE = """
package shop;
import java.util.function.Supplier;
public class Main {
  long wide = 5_000_000_000L; double wider = 1.5e300;
  java.sql.Connection connection; Supplier<java.net.http.HttpClient> client;
  Object[][] rows = new java.math.BigDecimal[1][];
  @Deprecated String named() throws Exception { return Class.forName("sun.misc.Unsafe").getName() + "caf\\u00e9 \\0"; }
  public static void main(String[] a) { Supplier<String> s = () -> "x"; System.out.println(s.get() + a.length); }
}
"""


@pytest.fixture(name="compiled", scope="module")
def _compiled(tmp_path_factory) -> bytes:
    """A class file as javac writes it."""
    if not shutil.which("javac"):
        pytest.skip("javac is not installed")
    folder = tmp_path_factory.mktemp("classes")
    (folder / "Main.java").write_text(SOURCE, encoding="utf-8")
    subprocess.run(["javac", "--release", "11", "-d", str(folder), str(folder / "Main.java")], check=True)
    return (folder / "shop/Main.class").read_bytes()


def test_a_class_tells_what_it_uses_and_mentions(compiled) -> None:
    """Code, arrays and texts name what it uses; fields and their generic types what it mentions."""
    found = class_files.parse(compiled, "Main.class")
    assert found.version == 55 and found.may_be_main
    assert {"java/lang/Object", "java/math/BigDecimal", "sun/misc/Unsafe", "java/lang/invoke/LambdaMetafactory", "shop/Main"} <= found.uses
    assert {"java/sql/Connection", "java/net/http/HttpClient", "java/lang/Deprecated"} <= found.mentions
    assert not found.uses & found.mentions


@pytest.mark.parametrize("cut", [0, 3, 9, 12, 40, 200])
def test_a_damaged_class_is_one_sentence(compiled, cut: int) -> None:
    """A class file that is cut short is an error with its name."""
    with pytest.raises(InputError, match="x.jar: A.class is not a class file; build its jar again"):
        class_files.parse(compiled[:cut], "x.jar: A.class")


def test_another_file_is_one_sentence() -> None:
    """A file with an unknown constant, or that is none at all, is an error."""
    for data in (b"hello, world", b"\xca\xfe\xba\xbe\0\0\0\x37\0\x05\x63\0\0\0\0\0\0"):
        with pytest.raises(InputError, match="is not a class file"):
            class_files.parse(data, "A.class")
