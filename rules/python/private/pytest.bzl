"""pytest_test: pytest over test files, with a JUnit XML that counts each case."""

load("//rules/python/private:py_executable.bzl", "py_test")

def pytest_test(name, srcs, deps = [], args = [], **kwargs):
    """Runs pytest on srcs; `--test_filter=EXPR` becomes pytest's -k, and $XML_OUTPUT_FILE gets the JUnit XML.

    Args:
      name: the target's name.
      srcs: test files, *_test.py or test_*.py; a conftest.py among them is used by pytest as usual.
      deps: libraries under test; pytest itself is added.
      args: more arguments for pytest.
      **kwargs: what every test takes (size, timeout, tags, data, env, flaky is refused), and py_test's attributes.
    """
    if kwargs.get("flaky"):
        fail("flaky: %s asks for it: mend the test instead" % name)
    tests = [s for s in srcs if not s.endswith("conftest.py")]
    py_test(
        name = name,
        srcs = srcs,
        args = ["$(rootpath %s)" % s for s in tests] + args,
        main_module = "rules.python.tools.pytest_main",
        deps = deps + ["//rules/python/tools:pytest_main"],
        **kwargs
    )
