"""The coordinates of a file in a Maven repository."""

from __future__ import annotations

from rules.java.tools.maven.errors import InputError


class Coordinates:
    """Names one file in any Maven repository.

    Attributes:
        group: the group, such as `redis.clients`.
        artifact: the artifact's name.
        extension: `jar`, `exe`, `pom`.
        classifier: such as `sources` or `linux-x86_64`; empty for none.
        version: the version.
    """

    __slots__ = ("artifact", "classifier", "extension", "group", "version")

    def __init__(self, group: str, artifact: str, extension: str, classifier: str, version: str) -> None:
        self.group = group
        self.artifact = artifact
        self.extension = extension
        self.classifier = classifier
        self.version = version

    @staticmethod
    def parse(text: str) -> Coordinates:
        """Reads GROUP:ARTIFACT:EXTENSION:CLASSIFIER:VERSION; only the classifier may be empty.

        Raises:
            InputError: the text has another form.
        """
        parts = text.split(":")
        if len(parts) != 5 or not all(part for index, part in enumerate(parts) if index != 3) or any("/" in part or ".." in part for part in parts):
            raise InputError(
                f'"{text}" is not group:artifact:extension:classifier:version. Update the lock with the command at its top: bazel run @NAME//update.'
            )
        return Coordinates(*parts)

    @property
    def file_name(self) -> str:
        """The file's name in a repository."""
        classifier = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{classifier}.{self.extension}"

    @property
    def path(self) -> str:
        """The file's path below the address of a repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.file_name}"

    @property
    def key(self) -> str:
        """The name without version, as locks have it: group:artifact[:extension[:classifier]]."""
        return short_key(self.group, self.artifact, self.extension, self.classifier)

    def __str__(self) -> str:
        return f"{self.key}:{self.version}"


def short_key(group: str, artifact: str, extension: str, classifier: str) -> str:
    """Returns group:artifact[:extension[:classifier]], without the parts that are the default."""
    parts = [group, artifact]
    if extension != "jar" or classifier:
        parts.append(extension)
    if classifier:
        parts.append(classifier)
    return ":".join(parts)
