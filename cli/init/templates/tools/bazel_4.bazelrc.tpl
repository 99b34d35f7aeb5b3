# Flags for Bazel 4 and 5, which newer versions refuse; ./bazel adds them. Without them everything works, only slower.
build --experimental_worker_allow_json_protocol
build --define=turnup_workers=json
