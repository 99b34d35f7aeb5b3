"""Rules that deploy a stack to Kubernetes. BUILD files load them from here.

README.md in this folder has verbs and exit codes, docs/reference/k8s.md the attributes.
"""

load("//rules/k8s/private:macros.bzl", _k8s_object = "k8s_object", _k8s_objects = "k8s_objects")
load("//rules/k8s/private:microservice.bzl", _microservice = "microservice")
load(
    "//rules/k8s/private:providers.bzl",
    _K8sObjectInfo = "K8sObjectInfo",
    _PinInfo = "PinInfo",
    _ServiceInfo = "ServiceInfo",
)

k8s_object = _k8s_object
k8s_objects = _k8s_objects
microservice = _microservice

K8sObjectInfo = _K8sObjectInfo
PinInfo = _PinInfo
ServiceInfo = _ServiceInfo
