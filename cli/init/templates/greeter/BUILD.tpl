load("@turnup//rules/image:defs.bzl", "py_image")
load("@turnup//rules/k8s:defs.bzl", "microservice")
load("@turnup//rules/python:defs.bzl", "py_library", "pytest_test")

py_library(
    name = "lib",
    srcs = ["main.py"],
)

py_image(
    name = "image",
    srcs = ["main.py"],
    base = "@turnup//rules/image:python_base",
    main = "main.py",
)

pytest_test(
    name = "main_test",
    size = "small",
    srcs = ["main_test.py"],
    deps = [":lib"],
)

microservice(
    name = "greeter",
    image = ":image",
    libraries = ["@turnup//lib"],
    manifests = "greeter.jsonnet",
    service = "service.yaml",
)
