"""Rules that make container images without a daemon, byte for byte the same everywhere; see README.md."""

load("//rules/image/private:debian_image.bzl", _debian_image = "debian_image")
load("//rules/image/private:image.bzl", _container_image = "container_image")
load("//rules/image/private:layer.bzl", _container_layer = "container_layer")
load("//rules/image/private:providers.bzl", _ImageInfo = "ImageInfo", _LayerInfo = "LayerInfo")
load("//rules/image/private:push.bzl", _container_push = "container_push")
load("//rules/image/private:py_image.bzl", _py_image = "py_image")

ImageInfo = _ImageInfo
LayerInfo = _LayerInfo
container_image = _container_image
container_layer = _container_layer
container_push = _container_push
debian_image = _debian_image
py_image = _py_image
