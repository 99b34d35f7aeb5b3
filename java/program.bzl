"""java_program: the code, the image and the tests of one Java service of the sample."""

load("//java:tests.bzl", "junit_tests")
load("//rules/image:defs.bzl", "java_image")
load("//rules/java:defs.bzl", "java_binary", "java_library")

def java_program(name, package, deps = [], runtime_deps = [], resources = [], test_deps = [], test_data = [], test_env = {}):
    """Declares an image that runs the package's Main class, and tests of its classes.

    It declares NAME (the image), `lib` (all classes except tests), `binary` (the program on this machine), `testing` (the folder
    testing: fakes for tests) and one test for each *Test.java file, with the name of the file.

    Args:
      name: Name of the image.
      package: Java package of the sources; a folder's name may have a dash, and a package's may not.
      deps: Libraries that the program needs.
      runtime_deps: Libraries that are only on the class path of the running program.
      resources: Files that the program reads from its class path.
      test_deps: Libraries that the tests need in addition to `lib` and its own dependencies.
      test_data: Files and programs that the tests need.
      test_env: Environment variables of the tests.
    """
    java_library(
        name = "lib",
        srcs = native.glob(["*.java"], exclude = ["*Test.java"]),
        resources = resources,
        runtime_deps = runtime_deps,
        visibility = ["//java:__subpackages__"],
        deps = deps,
    )
    java_binary(
        name = "binary",
        main_class = package + ".Main",
        visibility = ["//tests:__subpackages__"],
        runtime_deps = [":lib"],
    )
    java_image(
        name = name,
        binary = ":binary",
        # An archive of shared classes saves 0.3 s of a start, but the JVM makes it again after each edit, which takes longer.
        class_data_sharing = False,
        # A layer each, so that an edit of the service sends only its own classes.
        layers = [dep for dep in deps if dep.startswith("//")] + [":lib"],
        visibility = ["//visibility:public"],
    )
    junit_tests(
        package = package,
        deps = [":lib"] + deps + test_deps,
        data = test_data,
        env = test_env,
    )
