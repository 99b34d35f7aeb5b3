"""The Debian packages of the images. After a change here, run `bazel run //rules/image:update_debian_lock`."""

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
    @debian_jre, @debian_prometheus and @debian_clients.
    """
    debian_packages(
        name = "debian_python",
        lock = "//third_party/debian:python.lock",
        packages = _BASE + _PYTHON,
    )
    debian_packages(
        name = "debian_redis",
        lock = "//third_party/debian:redis.lock",
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
        lock = "//third_party/debian:registry.lock",
        packages = _BASE + ["docker-registry"],
    )

    # The shell and the tools of .exec's debug container. It is one static program.
    debian_packages(
        name = "debian_debug",
        lock = "//third_party/debian:debug.lock",
        packages = ["busybox-static"],
    )

    # More cases for tests of debian_image: a Java runtime without libraries for graphics and printing, and Prometheus with
    # the files of its web pages. Packages that only maintainer scripts, shells and web servers need are excluded.
    debian_packages(
        name = "debian_jre",
        lock = "//third_party/debian:jre.lock",
        packages = _BASE + [
            "libstdc++6",
            "openjdk-17-jre-headless",
            "zlib1g",
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
        lock = "//third_party/debian:prometheus.lock",
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
        lock = "//third_party/debian:clients.lock",
        packages = [
            "libassuan0",
            "libdevmapper1.02.1",
            "libgpg-error0",
            "libgpgme11",
            "skopeo",
            "umoci",
        ],
    )
