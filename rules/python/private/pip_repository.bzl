"""pip_repository: third-party Python packages of a hash-locked requirements file, with rules_python's labels."""

load("//rules/python/private:pip_hub.bzl", "pip_hub")
load("//rules/python/private:pip_wheels.bzl", "pip_wheels")

# WORKSPACE cannot read the lock, so the number of repositories does not depend on it. A repository that gets no wheel is never fetched;
# a lock with more packages than this has several in some of them.
_REPOSITORIES = 256

def pip_repository(name, lock):
    """Makes a py_library of each wheel in a requirements file, and downloads a wheel when a target first needs it.

    `@NAME//:requirements.bzl` has `requirement("package")`, which returns the label `@NAME//package`. pip checks each wheel
    against the hashes of the lock; a requirement without a hash is an error.

    The wheels are in repositories of their own, `@NAME_0` and so on. Turnup's cache keeps them, so that another checkout needs no network.

    Args:
      name: the repository's name, `pip` by convention.
      lock: label of the requirements file, with the version and sha256 hashes of every package, as `pip-compile --generate-hashes` writes it.

        Lines with environment markers are for several Pythons; those that `@host_python` does not match are left out.
    """
    pip_hub(
        name = name,
        lock = lock,
        repositories = _REPOSITORIES,
    )
    for index in range(_REPOSITORIES):
        pip_wheels(name = "%s_%d" % (name, index))
