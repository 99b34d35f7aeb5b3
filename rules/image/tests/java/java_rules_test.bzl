"""Analysis tests of java_image: each of its errors, and which layer has what."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules/image:defs.bzl", "ImageInfo", "java_image")
load("//rules/image/tests:rules_test.bzl", "keeps_folders_test")
load("//rules/java:defs.bzl", "java_binary")

def _fails_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

_fails_test = analysistest.make(
    _fails_impl,
    attrs = {"message": attr.string(doc = "Text that the failure must contain.", mandatory = True)},
    expect_failure = True,
)

_HERE = "//rules/image/tests/java:"

# Case to (attributes, message). Each case is a target that must not build.
_CASES = {
    "args_name_no_data": ({"args": ["$(location data.txt)"]}, "arguments: %sargs_name_no_data has '$(location data.txt)', which needs one file, but data.txt has 0 files in data" % _HERE),
    "flags_name_several": ({"data": ["data.txt"], "jvm_flags": ["$(locations data.txt)"]}, "jvm_flags: %sflags_name_several has '$(locations data.txt)', which may name several files. Use one argument" % _HERE),
    "java_is_relative": ({"java": "bin/java"}, "java: %sjava_is_relative has 'bin/java', which is not an absolute path. Use a path in the base" % _HERE),
    "modules_and_java": ({"java": "/usr/bin/java", "modules": ["jdk.localedata"]}, "modules: %smodules_and_java has modules and takes its Java from the base" % _HERE),
    "port_is_text": ({"ports": ["http"]}, "ports: 'http' is not a port. Use a number"),
    "with_entrypoint": ({"entrypoint": ["/x"]}, "entrypoint: %swith_entrypoint has [\"/x\"], but a java_image starts its binary" % _HERE),
}

def _layers_impl(ctx):
    env = analysistest.begin(ctx)
    blobs = [layer.blob.short_path.rpartition("/")[2].partition(".layer.")[0] for layer in analysistest.target_under_test(env)[ImageInfo].layers]
    asserts.equals(env, ctx.attr.layers, blobs)
    return analysistest.end(env)

_LAYERS_ATTRS = {"layers": attr.string_list(doc = "The names of the layers, lowest first.")}

_layers_test = analysistest.make(_layers_impl, attrs = _LAYERS_ATTRS)
_unshared_layers_test = analysistest.make(_layers_impl, attrs = _LAYERS_ATTRS, config_settings = {"//rules/image:class_data_sharing": False})

_THIRD_PARTY = ["com_google_code_gson_gson.image", "com_google_errorprone_error_prone_annotations.image"]

def java_rules_tests(name):
    """Declares the analysis tests and a suite of them.

    Args:
      name: name of the suite.
    """
    tests = []
    java_binary(name = "program", tags = ["manual"], main_class = "app.Greeting", runtime_deps = [":greeting"])
    for case, (attributes, message) in _CASES.items():
        java_image(name = case, binary = ":program", tags = ["manual"], **attributes)
        _fails_test(name = case + "_is_refused", message = message, target_under_test = ":" + case)
        tests.append(":" + case + "_is_refused")
    own = ["facts.data", "facts.resources", "facts.classes", "facts.start"]
    _layers_test(
        name = "layers_are_in_order",
        layers = ["java_base", "facts.jre"] + _THIRD_PARTY + ["facts.libraries"] + own + ["facts.jsa"],
        target_under_test = ":facts",
    )
    _layers_test(
        name = "layers_on_a_base_with_java",
        layers = ["jre"] + _THIRD_PARTY + ["facts_on_jre." + part for part in ["0", "data", "resources", "classes", "start", "jsa"]],
        target_under_test = ":facts_on_jre",
    )
    _layers_test(
        name = "layers_of_a_program_in_a_library",
        layers = ["java_base", "from_library.jre"] + ["from_library." + part for part in ["resources", "classes", "start", "jsa"]],
        target_under_test = ":from_library",
    )
    _unshared_layers_test(
        name = "layers_without_shared_classes_by_the_flag",
        layers = ["java_base", "facts.jre"] + _THIRD_PARTY + ["facts.libraries"] + own,
        target_under_test = ":facts",
    )
    keeps_folders_test(name = "facts_keeps_folders", base = "java_base", target_under_test = ":facts")
    native.test_suite(name = name, tests = tests + [
        ":facts_keeps_folders",
        ":layers_are_in_order",
        ":layers_of_a_program_in_a_library",
        ":layers_on_a_base_with_java",
        ":layers_without_shared_classes_by_the_flag",
    ])
