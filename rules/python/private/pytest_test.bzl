"""pytest_test: runs pytest on test files, with a JUnit XML that has each test case."""

load("//rules/python/private:py_test.bzl", "py_test")

def pytest_test(name, srcs, deps = [], args = [], **kwargs):
    """Runs pytest on test files, with a JUnit XML that has each test case.

    ```
    pytest_test(
        name = "greeting_test",
        size = "small",
        srcs = ["greeting_test.py"],
        deps = [":greeting"],
    )
    ```

    `--test_filter=EXPR` becomes pytest's `-k`. The test fails if pytest collects no test case. `flaky = True` is an error.
    `main` has no effect, because pytest runs.

    Args:
      name: the target's name.
      srcs: test files, `*_test.py` or `test_*.py`. A `conftest.py` among them works as usual.
      deps: libraries under test; the macro adds pytest. Empty: none.
      args (list of strings): more arguments for pytest. Empty: none.
      **kwargs: attributes of py_test and of all tests, such as size, timeout, tags, data and env.
    """
    if kwargs.get("flaky"):
        fail("flaky: %s sets it, but pytest_test does not rerun tests. Fix the test." % name)
    tests = [s for s in srcs if not s.endswith("conftest.py")]
    py_test(
        name = name,
        srcs = srcs,
        args = ["$(rootpath %s)" % s for s in tests] + args,
        main_module = "turnup_pytest",
        deps = deps + [Label("//rules/python/pytest:turnup_pytest")],
        **kwargs
    )
