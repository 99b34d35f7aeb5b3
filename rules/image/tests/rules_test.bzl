"""Analysis tests: each error of the image rules, and the shape of their providers."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules/image:defs.bzl", "BundleInfo", "ImageInfo", "cc_image", "container_bundle", "container_image", "container_layer", "container_push", "debian_image", "go_image", "py_image")

def _fails_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

_fails_test = analysistest.make(
    _fails_impl,
    attrs = {"message": attr.string(doc = "Text that the failure must contain.", mandatory = True)},
    expect_failure = True,
)

_compression_fails_test = analysistest.make(
    _fails_impl,
    attrs = {"message": attr.string(doc = "Text that the failure must contain.", mandatory = True)},
    config_settings = {str(Label("//rules/image:compression")): "bzip2"},
    expect_failure = True,
)

# Case to (rule, attributes, message). Each case is a target that must not build.
_CASES = {
    "bundle_names_no_variable": (container_bundle, {"images": {"shop/$(": ":files_image"}}, "images: 'shop/$(' has $( without a complete $(NAME). Use $$ for a dollar sign."),
    "bundle_names_one_twice": (container_bundle, {"images": {"shop/a": ":files_image", "shop/a:latest": ":redis"}}, "images: //rules/image/tests:bundle_names_one_twice has the name 'shop/a:latest' twice. Give each image its own name"),
    "cc_image_exclude_climbs": (cc_image, {"binary": ":words", "exclude": ["../x"]}, "exclude: '../x' leads out of the image"),
    "cc_image_of_two_files": (cc_image, {"binary": ":files_layer"}, "binary: //rules/image/tests:files_layer has 2 files and none is its program. Use a target with one file, or a rule that builds a program."),
    "debian_exclude_climbs": (debian_image, {"exclude": ["../x"], "packages": ["@debian_registry//:debs"]}, "exclude: '../x' leads out of the image"),
    "debian_no_packages": (debian_image, {"packages": []}, "packages: the list is empty. Add @NAME//:debs"),
    "directory_climbs": (container_layer, {"directory": "/a/../b"}, "directory: '/a/../b' leads out of the image"),
    "empty_dir_climbs": (container_layer, {"empty_dirs": ["../x"]}, "empty_dirs: '../x' leads out of the image"),
    "empty_file_is_root": (container_layer, {"empty_files": ["/"]}, "empty_files: '/' is the image's root"),
    "go_image_with_entrypoint": (go_image, {"binary": ":words", "entrypoint": ["/x"]}, "entrypoint: //rules/image/tests:go_image_with_entrypoint has [\"/x\"], but the image starts its binary. Use container_image for another program."),
    "image_is_empty": (container_image, {}, "layers: the image would be empty"),
    "label_file_of_two_files": (container_image, {"base": ":files_image", "label_files": {"a": ":files_layer"}}, "label_files: //rules/image/tests:files_layer has 2 files. Use a target with exactly one file."),
    "layer_as_base": (container_image, {"base": ":files_layer"}, "base: //rules/image/tests:files_layer is a layer, not an image. Use an image here"),
    "mode_is_text": (container_layer, {"mode": "rwx"}, "mode: 'rwx' is not a file mode. Use an octal number"),
    "owner_is_a_name": (container_layer, {"owner": "root"}, "owner: 'root' is not an owner. Use numbers as UID:GID"),
    "port_is_text": (container_image, {"base": ":files_image", "ports": ["http"]}, "ports: 'http' is not a port. Use a number"),
    "port_too_large": (container_image, {"base": ":files_image", "ports": ["65536"]}, "ports: '65536' is not a port"),
    "push_bundle_with_tag": (container_push, {"image": ":bundle", "tag": "v1"}, "tag: 'v1' is set for a bundle. Remove it; the bundle's names say where its images go."),
    "push_format": (container_push, {"format": "tar", "image": ":files_image", "registry": "r.example", "repository": "a"}, "format: 'tar' is not a format. Use OCI or Docker."),
    "push_registry_with_path": (container_push, {"image": ":files_image", "registry": "r.example/a", "repository": "b"}, "registry: 'r.example/a' has a path. Use HOST or HOST:PORT"),
    "push_repository_with_tag": (container_push, {"image": ":files_image", "registry": "r.example", "repository": "a:b"}, "repository: 'a:b' has a tag or digest. Remove it"),
    "push_unstamped": (container_push, {"image": ":files_image", "registry": "r.example", "repository": "a", "stamp": False, "tag": "{BUILD_USER}"}, "tag: '{BUILD_USER}' has a stamp variable, but stamp is False. Set stamp = True, or leave it out and build with --stamp."),
    "push_without_registry": (container_push, {"image": ":files_image", "repository": "a"}, "registry: the value is empty. Use HOST or HOST:PORT."),
    "push_without_repository": (container_push, {"image": ":files_image", "registry": "r.example"}, "repository: the value is empty. Set repository, or repository_file"),
    "py_image_args_name_no_data": (py_image, {"args": ["$(location app/data.txt)"], "base": ":files_image", "srcs": ["app/greeting.py"]}, "arguments: //rules/image/tests:py_image_args_name_no_data has '$(location app/data.txt)', which needs one file, but app/data.txt has 0 files in data"),
    "py_image_args_name_several": (py_image, {"args": ["$(locations app/data.txt)"], "base": ":files_image", "srcs": ["app/greeting.py"]}, "arguments: //rules/image/tests:py_image_args_name_several has '$(locations app/data.txt)', which may name several files. Use one argument"),
    "py_image_of_a_library": (py_image, {"base": "//python:base", "binary": ":two_modules"}, "binary: //rules/image/tests:two_modules does not say which file to run"),
    "py_image_of_another_python": (py_image, {"base": ":files_image", "interpreter": "/usr/bin/python3.9", "srcs": ["app/greeting.py"]}, "interpreter: //rules/image/tests:py_image_of_another_python starts /usr/bin/python3.9, but its packages are for Python 3."),
    "py_image_package_of_two_locks": (py_image, {"base": ":files_image", "deps": ["@pip_bench//packaging", "@turnup_pip//packaging"], "srcs": ["app/greeting.py"]}, "deps: //rules/image/tests:py_image_package_of_two_locks has the package packaging twice, @pip_bench//packaging:packaging and @turnup_pip//packaging:packaging. Take it from one lock"),
    "py_image_with_entrypoint": (py_image, {"base": ":files_image", "entrypoint": ["/x"], "srcs": ["app/greeting.py"]}, "entrypoint: //rules/image/tests:py_image_with_entrypoint has [\"/x\"], but a py_image starts its binary"),
    "py_image_without_base": (py_image, {"srcs": ["app/greeting.py"]}, "base: //rules/image/tests:py_image_without_base has no base. Use an image with a Python interpreter"),
    "symlink_climbs": (container_layer, {"symlinks": {"a/../../b": "/x"}}, "symlinks: 'a/../../b' leads out of the image"),
    "user_is_a_command": (container_image, {"base": ":files_image", "user": "a b"}, "user: 'a b' is not a user. Use a number"),
    "variable_that_is_none": (container_image, {"base": ":files_image", "env": {"A": "$(NO_SUCH)"}}, "env: '$(NO_SUCH)' uses the Make variable $(NO_SUCH), which is not defined. Pass --define=NO_SUCH=VALUE"),
    "volume_climbs": (container_image, {"base": ":files_image", "volumes": ["/a/.."]}, "volumes: '/a/..' leads out of the image"),
    "volume_is_relative": (container_image, {"base": ":files_image", "volumes": ["data"]}, "volumes: 'data' is not an absolute path. Use a path that starts"),
    "workdir_is_relative": (container_image, {"base": ":files_image", "workdir": "app"}, "workdir: 'app' is not an absolute path. Use a path that starts"),
}

def _provider_impl(ctx):
    env = analysistest.begin(ctx)
    info = analysistest.target_under_test(env)[ImageInfo]
    asserts.equals(env, "hello.digest", info.digest.basename)
    asserts.equals(env, "hello.tar", info.archive.basename)
    blobs = [layer.blob.short_path for layer in info.layers]
    asserts.equals(env, ["rules/image/python_base.layer.tar.zst", "../turnup_pip/async_timeout/async_timeout.image.layer.tar.zst", "../turnup_pip/pyyaml/pyyaml.image.layer.tar.zst", "../turnup_pip/redis/redis.image.layer.tar.zst", "rules/image/tests/hello.layer.tar.zst"], blobs)
    asserts.true(env, info.archive not in analysistest.target_under_test(env)[DefaultInfo].files.to_list(), "the archive is built only on request")
    return analysistest.end(env)

_provider_test = analysistest.make(_provider_impl)

def _stamped_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.equals(env, ctx.attr.stamped, analysistest.target_under_test(env)[BundleInfo].stamp)
    return analysistest.end(env)

_STAMPED_ATTRS = {"stamped": attr.bool(doc = "Whether the bundle under test must be stamped.")}

_stamped_test = analysistest.make(_stamped_impl, attrs = _STAMPED_ATTRS)
_stamped_by_flag_test = analysistest.make(_stamped_impl, attrs = _STAMPED_ATTRS, config_settings = {"//command_line_option:stamp": True})

def _status_impl(ctx):
    env = analysistest.begin(ctx)
    read = [
        file.basename
        for action in analysistest.target_actions(env)
        for file in action.inputs.to_list()
        if file.basename in ("stable-status.txt", "volatile-status.txt")
    ]
    asserts.equals(env, ctx.attr.stamped, "volatile-status.txt" in read)
    asserts.equals(env, ctx.attr.stamped, "stable-status.txt" in read)
    return analysistest.end(env)

# Without --stamp nothing depends on the workspace status, so no cache can have a value of it; with it, images have the build's time.
_status_test = analysistest.make(_status_impl, attrs = _STAMPED_ATTRS)
_status_by_flag_test = analysistest.make(_status_impl, attrs = _STAMPED_ATTRS, config_settings = {"//command_line_option:stamp": True})

# Targets that do not set stamp, of each rule that has it.
_BY_FLAG = ["bundle_by_flag", "files_image", "hello", "push", "redis"]

def _apart_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    inputs = []
    for action in analysistest.target_actions(env):
        if action.mnemonic == "ImageLayer":
            inputs += [f.short_path for f in action.inputs.to_list()]
    asserts.true(env, ctx.attr.program in inputs, "the program is in its image's own layer")
    asserts.equals(env, [], [path for path in inputs if "site-packages" in path])
    found = [layer.blob.short_path.split("/")[2] for layer in target[ImageInfo].layers if layer.blob.short_path.startswith("../turnup_pip/")]
    asserts.equals(env, ctx.attr.packages, found)
    return analysistest.end(env)

_apart_test = analysistest.make(
    _apart_impl,
    attrs = {
        "packages": attr.string_list(doc = "The third-party packages with their own layers, in order."),
        "program": attr.string(doc = "A file of the program's layer."),
    },
)

def _keeps_impl(ctx):
    env = analysistest.begin(ctx)
    layers = [action for action in analysistest.target_actions(env) if action.mnemonic in ("ImageLayer", "ImageProgram")]
    asserts.true(env, len(layers) > 0, "the image has layers of its own")
    for action in layers:
        lists = [file.basename for file in action.inputs.to_list() if file.basename.endswith(".folders.json")]
        asserts.equals(env, [ctx.attr.base + ".folders.json"], lists)
    return analysistest.end(env)

# Each layer that an image builds itself is fitted to the folders and links of its base.
keeps_folders_test = analysistest.make(
    _keeps_impl,
    attrs = {"base": attr.string(doc = "The name of the base.")},
)

def image_rules_tests(name):
    """Declares the analysis tests and a suite of them.

    Args:
      name: name of the suite.
    """
    tests = []
    for case, (rule, attributes, message) in _CASES.items():
        rule(name = case, tags = ["manual"], **attributes)
        _fails_test(name = case + "_is_refused", message = message, target_under_test = ":" + case)
        tests.append(":" + case + "_is_refused")
    _compression_fails_test(
        name = "compression_flag_is_refused",
        message = "--//rules/image:compression: 'bzip2' is not a compression. Use one of far, gzip, near, none.",
        target_under_test = "//rules/image:compression",
    )
    _provider_test(name = "providers_have_their_shape", target_under_test = ":hello")
    _apart_test(
        name = "program_and_packages_are_apart",
        packages = ["async_timeout", "pyyaml", "redis"],
        program = "rules/image/tests/app/hello.py",
        target_under_test = ":hello",
    )
    _apart_test(
        name = "packages_of_generated_code_are_apart",
        packages = ["grpcio", "protobuf", "typing_extensions"],
        program = "rules/image/tests/app/rpc.py",
        target_under_test = ":rpc",
    )
    _stamped_test(name = "bundle_without_the_flag_is_unstamped", stamped = False, target_under_test = ":bundle_by_flag")
    _stamped_by_flag_test(name = "bundle_with_the_flag_is_stamped", stamped = True, target_under_test = ":bundle_by_flag")
    for case in _BY_FLAG:
        _status_test(name = case + "_without_the_flag", stamped = False, target_under_test = ":" + case)
        _status_by_flag_test(name = case + "_with_the_flag", stamped = True, target_under_test = ":" + case)
        tests += [":%s_without_the_flag" % case, ":%s_with_the_flag" % case]
    tests += [":bundle_without_the_flag_is_unstamped", ":bundle_with_the_flag_is_stamped", ":compression_flag_is_refused"]
    tests += [":providers_have_their_shape", ":program_and_packages_are_apart", ":packages_of_generated_code_are_apart"]
    cc_image(name = "on_a_base_cc", binary = ":words", tags = ["manual"])
    go_image(name = "on_a_base_go", binary = ":words", packages = ["@debian_registry//:debs"], tags = ["manual"])
    for image, base in {"hello": "python_base", "hello_binary": "files_base", "on_a_base_cc": "static_base", "on_a_base_go": "static_base", "redis": "python_base"}.items():
        keeps_folders_test(name = image + "_keeps_folders", base = base, target_under_test = ":" + image)
        tests.append(":%s_keeps_folders" % image)
    native.test_suite(name = name, tests = tests)
