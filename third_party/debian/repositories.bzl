"""The Debian packages that images are made of. After a change here: `bazel run //rules/image:update_debian_lock`."""

load("//rules/image:repositories.bzl", "debian_packages")

# What every program here needs, and what scanners and TLS clients look for.
_BASE = [
    "base-files",
    "ca-certificates",
    "gcc-12-base",
    "libc6",
    "libgcc-s1",
    "netbase",
    "tzdata",
]

# The standard library's native modules load these; those for terminals and databases are left out with their modules.
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
    """Declares @debian_python, @debian_redis (what redis-server needs on top of it), @debian_registry, @debian_jre, @debian_prometheus and @debian_clients."""
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

    # What debian_image is tried with besides: a Java runtime, without what draws and prints, and Prometheus with what its
    # pages are made of. Left out is what only maintainer scripts, shells and web servers need.
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
        lock = "//third_party/debian:prometheus.lock",
        packages = [
            "base-files",
            "ca-certificates",
            "netbase",
            "prometheus",
            "tzdata",
        ],
        without = [
            "adduser",
            "debconf",
            "dpkg",
            "init-system-helpers",
            "javascript-common",
            "mawk",
            "openssl",
        ],
    )

    # What tests read pushed images with: the programs, and libraries of theirs that not every machine has.
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
