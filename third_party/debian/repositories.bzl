"""The Debian packages of the images. After a change here, run `bazel run //rules/image:update_debian_lock`."""

load("//rules/cc:repositories.bzl", "debian_cc_libraries")
load("//rules/image:repositories.bzl", "debian_packages")

# Needed by every program here, by scanners and by TLS clients.
_BASE = [
    "base-files",
    "ca-certificates",
    "gcc-12-base",
    "libc6",
    "libgcc-s1",
    "netbase",
    "tzdata",
]

# Loaded by native modules of the standard library. Libraries for terminals and databases are excluded together with their modules.
_PYTHON = [
    "libbz2-1.0",
    "libcrypt1",
    "libexpat1",
    "libffi8",
    "liblzma5",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libsqlite3-0",
    "libssl3",
    "libstdc++6",
    "libuuid1",
    "python3.11-minimal",
    "zlib1g",
]

def turnup_debian_repositories():
    """Declares the Debian package repositories.

    They are @debian_python, @debian_redis (the packages that redis-server needs in addition), @debian_registry, @debian_debug,
    @debian_jre, @debian_java, @debian_jdk, @debian_prometheus, @debian_clients, @debian_static (what a static program needs),
    @debian_cc (the C and C++ libraries), @debian_grpc (the libraries of gRPC for C++) and @debian_grpc_dev (its headers and
    generators). @grpc_cc is the last two, unpacked.
    """
    debian_packages(
        name = "debian_python",
        lock = Label("//third_party/debian:python.lock"),
        packages = _BASE + _PYTHON,
    )
    debian_packages(
        name = "debian_redis",
        lock = Label("//third_party/debian:redis.lock"),
        packages = [
            "libatomic1",
            "libcap2",
            "libgcrypt20",
            "libgpg-error0",
            "libjemalloc2",
            "liblz4-1",
            "liblzf1",
            "libsystemd0",
            "libzstd1",
            "redis-server",
            "redis-tools",
        ],
    )
    debian_packages(
        name = "debian_registry",
        lock = Label("//third_party/debian:registry.lock"),
        packages = _BASE + ["docker-registry"],
    )

    # The shell and the tools of .exec's debug container. It is one static program.
    debian_packages(
        name = "debian_debug",
        lock = Label("//third_party/debian:debug.lock"),
        packages = ["busybox-static"],
    )

    # More cases for tests of debian_image: a Java runtime without libraries for graphics and printing, and Prometheus with
    # the files of its web pages. Packages that only maintainer scripts, shells and web servers need are excluded.
    debian_packages(
        name = "debian_jre",
        lock = Label("//third_party/debian:jre.lock"),
        packages = _BASE + [
            "libstdc++6",
            "openjdk-17-jre-headless",
            "zlib1g",
        ],
    )

    # What a Java runtime needs of a system, and the JDK that runtimes are made of.
    debian_packages(
        name = "debian_java",
        lock = Label("//third_party/debian:java.lock"),
        packages = _BASE + [
            "libstdc++6",
            "zlib1g",
        ],
    )
    debian_packages(
        name = "debian_jdk",
        lock = Label("//third_party/debian:jdk.lock"),
        packages = [
            "ca-certificates",
            "openjdk-17-jdk-headless",
            "openjdk-17-jre-headless",
        ],
    )
    debian_packages(
        name = "debian_prometheus",
        dependencies = True,
        exclude = [
            "adduser",
            "debconf",
            "dpkg",
            "init-system-helpers",
            "javascript-common",
            "mawk",
            "openssl",
        ],
        lock = Label("//third_party/debian:prometheus.lock"),
        packages = [
            "base-files",
            "ca-certificates",
            "netbase",
            "prometheus",
            "tzdata",
        ],
    )

    # Programs that read pushed images in tests, with the libraries that some machines lack.
    debian_packages(
        name = "debian_clients",
        lock = Label("//third_party/debian:clients.lock"),
        packages = [
            "libassuan0",
            "libdevmapper1.02.1",
            "libgpg-error0",
            "libgpgme11",
            "skopeo",
            "umoci",
        ],
    )

    # Bases of go_image and cc_image.
    debian_packages(
        name = "debian_static",
        lock = Label("//third_party/debian:static.lock"),
        packages = [
            "base-files",
            "ca-certificates",
            "netbase",
            "tzdata",
        ],
    )
    debian_packages(
        name = "debian_cc",
        dependencies = True,
        lock = Label("//third_party/debian:cc.lock"),
        packages = ["libstdc++6"],
    )

    # gRPC for C++. protoc has the version of the headers, because both come from one Debian release.
    debian_packages(
        name = "debian_grpc",
        dependencies = True,
        exclude = ["debconf"],
        lock = Label("//third_party/debian:grpc.lock"),
        packages = ["libgrpc++1.51"],
    )
    debian_packages(
        name = "debian_grpc_dev",
        lock = Label("//third_party/debian:grpc_dev.lock"),
        packages = [
            "libabsl-dev",
            "libgrpc++-dev",
            "libgrpc-dev",
            "libgtest-dev",
            "libprotobuf-dev",
            "protobuf-compiler",
            "protobuf-compiler-grpc",
        ],
    )
    debian_cc_libraries(
        name = "grpc_cc",
        libraries = {
            "grpc++": ["libgrpc++.so"],
            "gtest": ["libgtest.a"],
            "protobuf": ["libprotobuf.so"],
        },
        packages = [
            "@debian_grpc//:debs",
            "@debian_grpc_dev//:debs",
        ],
        programs = [
            "grpc_cpp_plugin",
            "protoc",
        ],
    )
