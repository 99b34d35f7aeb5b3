"""The images of rules_docker_test.py, as a table: name to attributes of container_image."""

load("//rules/image:defs.bzl", "container_image")

_IMAGES = {
    "clear_by_empty_list": {"base": ":cmd_and_entrypoint", "cmd": [], "entrypoint": []},
    "clear_by_empty_text": {"base": ":cmd_and_entrypoint", "cmd": "", "entrypoint": ""},
    "clear_by_none": {"base": ":cmd_and_entrypoint", "cmd": None, "entrypoint": None},
    "cmd": {"base": ":files", "cmd": ["foo"]},
    "cmd_and_entrypoint": {"base": ":files", "cmd": ["foo"], "entrypoint": ["bar"]},
    "cmd_and_entrypoint_of_base": {"base": ":cmd_and_entrypoint"},
    "cmd_and_entrypoint_over_none": {"base": ":clear_by_none", "cmd": ["foo"], "entrypoint": ["bar"]},
    "created_by_default_stamp": {"base": ":volume", "stamp": True},
    "created_by_flag": {"base": ":volume", "creation_time": "{BUILD_TIMESTAMP}"},
    "created_in_milliseconds": {"base": ":volume", "creation_time": "1234567890123.45"},
    "created_in_rfc_3339": {"base": ":volume", "creation_time": "1989-05-03T12:58:12.345Z"},
    "created_in_seconds": {"base": ":volume", "creation_time": "1234567890.12"},
    "created_stamped": {"base": ":volume", "creation_time": "{BUILD_TIMESTAMP}", "stamp": True},
    "custom": {"base": ":docker_tar", "cmd": ["Hello World!"], "entrypoint": ["echo"], "files": ["b.txt", "c.txt"], "layers": [":env_layer", ":tars_layer", ":files_layer"]},
    "dash_dash": {"entrypoint": ["/bar", "--"]},
    "data_path": {"data_path": ".", "files": ["data/nested.txt"], "mode": "0644"},
    "data_path_elsewhere": {"data_path": "/tools/build_defs", "files": ["data/nested.txt"], "mode": "0644"},
    "data_path_none": {"files": ["data/nested.txt"], "mode": "0644"},
    "data_path_of_a_tree": {"data_path": "banana", "files": ["banana/pear"]},
    "data_path_root": {"data_path": "/", "files": ["data/nested.txt"], "mode": "0644"},
    "directory_on_tar": {"base": ":tar", "directory": "/foo", "tars": [":two.tar_file"]},
    "docker_tar": {"base": ":files_on_files.tar", "files": ["a.txt"], "mode": "0644"},
    "docker_tar_with_layers": {"base": ":files_on_files.tar", "files": ["a.txt"], "layers": [":files_layer", ":tars_layer"], "mode": "0644"},
    "empty_dirs": {"empty_dirs": ["etc", "foo", "bar"], "mode": "0o777"},
    "empty_files": {"empty_files": ["file1", "file2"], "mode": "0o777"},
    "entrypoint": {"entrypoint": ["/bar"], "files": ["b.txt"], "mode": "0644", "ports": ["8080"], "tars": [":two.tar_file"]},
    "entrypoint_alone": {"base": ":files", "entrypoint": ["bar"]},
    "entrypoint_shadowed_cmd": {"base": ":entrypoint", "cmd": ["shadowed"], "files": ["a.txt"]},
    "entrypoint_with_cmd": {"base": ":entrypoint_shadowed_cmd", "cmd": ["arg1", "arg2"], "ports": ["80/tcp"], "tars": [":one.tar_file"]},
    "env": {"base": ":volume", "env": {"bar": "blah blah blah", "foo": "/asdf"}},
    "env_csv": {"base": ":files", "env": {"NO_PROXY": "127.0.0.1,localhost"}},
    "env_make_variables": {"base": ":files", "env": {"$(COMPILATION_MODE)_key": "$(COMPILATION_MODE) value"}},
    "env_of_layers": {"base": ":volume", "env": {"PATH": "$PATH:/tmp/b:/tmp/c", "x": "y"}, "layers": [":env_layer"]},
    "env_twice": {"base": ":env", "env": {"baz": "${foo} $bar"}},
    "files": {"files": ["a.txt"], "mode": "0644"},
    "files_generated": {"files": [":generated"], "mode": "0644"},
    "files_in_layer": {"base": ":files", "files": ["b.txt"], "layers": [":files_layer"], "mode": "0644"},
    "files_on_files": {"base": ":files", "files": ["b.txt"], "mode": "0644"},
    "files_on_tar": {"base": ":tar", "files": ["b.txt"], "mode": "0644"},
    "labels": {"base": ":volume", "labels": {"com.example.bar": "@label.json", "com.example.baz": "qux", "com.example.foo": "@label.json"}},
    "labels_by_flag": {"base": ":volume", "labels": {"BUILDER": "{BUILD_USER}"}},
    "labels_stamped": {"base": ":volume", "labels": {"BUILDER": "{BUILD_USER}"}, "stamp": True},
    "labels_twice": {"base": ":labels", "labels": {"com.example.qux": "@label.json"}},
    "link": {"base": ":files", "symlinks": {"/usr/bin/java": "/bar"}},
    "special_characters": {"base": ":files", "directory": "root= dir", "empty_dirs": ["/empty= dir"], "empty_files": ["/empty= file"], "files": [":generated"], "symlinks": {"foo= symlink": "root= dir/gen= a.out"}},
    "tar": {"tars": [":one.tar_file"]},
    "tar_on_files": {"base": ":files", "tars": [":two.tar_file"]},
    "tar_on_tar": {"base": ":tar", "tars": [":two.tar_file"]},
    "tars_in_layer": {"base": ":tar", "layers": [":tars_layer"], "tars": [":two.tar_file"]},
    "user": {"base": ":volume", "user": "nobody"},
    "user_by_flag": {"base": ":volume", "user": "{BUILD_USER}"},
    "volume": {"files": ["a.txt", "b.txt"], "mode": "0644", "volumes": ["/logs"]},
    "volumes": {"base": ":volume", "volumes": ["/asdf", "/blah"]},
    "workdir": {"base": ":tar", "workdir": "/tmp"},
}

def rules_docker_images(name):
    """Declares the images of the table, and for each a target NAME.blobs with its layers, which are uncompressed.

    Args:
      name: name of a filegroup of all of them.
    """
    for image, attributes in _IMAGES.items():
        container_image(name = image, compression = "none", **attributes)
        native.filegroup(
            name = image + ".blobs",
            srcs = [":" + image],
            output_group = "layers",
        )
    native.filegroup(
        name = name,
        srcs = [":" + image for image in _IMAGES] + [":%s.blobs" % image for image in _IMAGES],
    )
