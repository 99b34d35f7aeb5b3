"""Rules that build container images without a daemon, with the same bytes on every machine. See README.md."""

load("//rules/image/private:cc_image.bzl", _cc_image = "cc_image")
load("//rules/image/private:container_bundle.bzl", _container_bundle = "container_bundle")
load("//rules/image/private:container_image.bzl", _container_image = "container_image")
load("//rules/image/private:container_layer.bzl", _container_layer = "container_layer")
load("//rules/image/private:container_push.bzl", _container_push = "container_push")
load("//rules/image/private:debian_image.bzl", _debian_image = "debian_image")
load("//rules/image/private:go_image.bzl", _go_image = "go_image")
load("//rules/image/private:java_image.bzl", _java_image = "java_image")
load("//rules/image/private:java_jdk.bzl", _java_jdk = "java_jdk")
load("//rules/image/private:prebuilt.bzl", _PREBUILT_IMAGE_ATTRS = "PREBUILT_ATTRS", _image_info = "image_info")
load("//rules/image/private:providers.bzl", _BundleInfo = "BundleInfo", _ImageInfo = "ImageInfo", _LayerInfo = "LayerInfo")
load("//rules/image/private:push_plan.bzl", _PUSH_PLAN_ATTRS = "PUSH_PLAN_ATTRS", _push_files = "push_files", _write_push_plan = "write_push_plan")
load("//rules/image/private:py_image.bzl", _py3_image = "py3_image", _py_image = "py_image")

# Attributes that a rule of your own needs to call image_info: the tools that read prebuilt images and write archives.
PREBUILT_IMAGE_ATTRS = _PREBUILT_IMAGE_ATTRS
image_info = _image_info

# Attributes that a rule of your own needs to call write_push_plan: the tool that writes push plans.
PUSH_PLAN_ATTRS = _PUSH_PLAN_ATTRS
push_files = _push_files
write_push_plan = _write_push_plan

BundleInfo = _BundleInfo
ImageInfo = _ImageInfo
LayerInfo = _LayerInfo
cc_image = _cc_image
container_bundle = _container_bundle
container_image = _container_image
container_layer = _container_layer
container_push = _container_push
debian_image = _debian_image
go_image = _go_image
java_image = _java_image
java_jdk = _java_jdk
py3_image = _py3_image
py_image = _py_image
