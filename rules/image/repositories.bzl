"""Repository rules for WORKSPACE: base images and Debian packages."""

load("//rules/image/private:container_load.bzl", _container_load = "container_load")
load("//rules/image/private:container_pull.bzl", _container_pull = "container_pull")
load("//rules/image/private:debian_packages.bzl", _debian_packages = "debian_packages")

container_load = _container_load
container_pull = _container_pull
debian_packages = _debian_packages
