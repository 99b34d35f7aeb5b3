"""Tests of settings.xml, and of the repositories that follow from it."""

import zipfile
from pathlib import Path

import pytest

from rules.java.tools.maven import installation, repositories, settings
from rules.java.tools.maven.errors import FetchError, InputError
from rules.java.tools.maven.settings import Mirror, Proxy, Server


@pytest.fixture(name="home")
def _home(tmp_path):
    """Returns a function that writes the user's settings and returns the environment."""

    def write(text: str, **environ: str) -> dict[str, str]:
        path = tmp_path / "home/.m2/settings.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0">{text}</settings>')
        return {"HOME": str(tmp_path / "home"), **environ}

    return write


@pytest.fixture(name="maven")
def _maven(tmp_path):
    """Returns a Maven installation whose default repository is in the test domain."""
    lib = tmp_path / "maven/lib"
    lib.mkdir(parents=True)
    (lib / "maven-core-3.9.9.jar").touch()
    with zipfile.ZipFile(lib / "maven-model-builder-3.9.9.jar", "w") as archive:
        pom = "<project xmlns='p'><repositories><repository><id>central</id><url>https://central.test/m2/</url></repository></repositories></project>"
        archive.writestr("org/apache/maven/model/pom-4.0.0.xml", pom)
    (tmp_path / "maven/conf").mkdir()
    return tmp_path / "maven"


def _mirror(name: str, pattern: str, url: str = "https://mirror.test/m2") -> str:
    return f"<mirror><id>{name}</id><mirrorOf>{pattern}</mirrorOf><url>{url}</url></mirror>"


def test_nothing_is_configured(tmp_path, maven):
    """Without any settings the repository is the one of the Maven installation, without login and proxy."""
    read = settings.read(maven, {"HOME": str(tmp_path)})

    assert read.local_repository == tmp_path / ".m2/repository"
    assert repositories.configured(read, maven) == [repositories.Repository("central", "https://central.test/m2", None, None)]


def test_the_user_wins_over_the_installation(home, maven):
    """Entries of the same id are the user's; the installation's other mirrors come first, as Maven merges them."""
    environ = home(f"<mirrors>{_mirror('a', 'user')}{_mirror('b', 'user')}</mirrors><servers><server><id>s</id><username>user</username></server></servers>")
    (maven / "conf/settings.xml").write_text(
        f"<settings><mirrors>{_mirror('a', 'all')}{_mirror('c', 'all')}</mirrors>"
        "<servers><server><id>s</id><username>all</username></server></servers></settings>"
    )

    read = settings.read(maven, environ)
    assert [(one.id, one.pattern) for one in read.mirrors] == [("c", "all"), ("a", "user"), ("b", "user")]
    assert read.servers["s"].username == "user"


def test_variables_are_replaced(home):
    """Variables of the environment and the home folder are replaced; unknown ones stay."""
    environ = home(
        "<localRepository>${user.home}/jars</localRepository>"
        "<servers><server><id>s</id><username>${env.NAME}</username><password>${env.NONE}</password></server></servers>",
        NAME="me",
    )

    read = settings.read(None, environ)
    assert read.local_repository == Path(environ["HOME"], "jars")
    assert read.servers["s"] == Server("s", "me", "${env.NONE}")


@pytest.mark.parametrize(
    ("pattern", "name", "url", "fits"),
    [
        ("*", "central", "https://central.test/", True),
        ("central", "central", "", True),
        ("other", "central", "https://central.test/", False),
        ("*,!central", "central", "https://central.test/", False),
        ("*,!other", "central", "https://central.test/", True),
        ("one, central", "central", "https://central.test/", True),
        ("external:*", "here", "http://localhost:81/", False),
        ("external:*", "here", "http://127.0.0.1/", False),
        ("external:*", "disk", "file:///m2", False),
        ("external:*", "central", "", True),
        ("external:http:*", "old", "http://old.test/", True),
        ("external:http:*", "central", "https://central.test/", False),
        ("", "central", "https://central.test/", False),
    ],
)
def test_mirror_patterns(pattern, name, url, fits):
    """A mirror stands in for the repositories that its pattern names, as Maven reads it."""
    assert (repositories.mirror_of([Mirror("m", "https://mirror.test", pattern, False)], name, url) is not None) == fits


def test_a_mirror_by_name_wins_over_a_pattern():
    """A mirror that names a repository is taken before one whose pattern fits, wherever it stands."""
    mirrors = [Mirror("all", "", "*", False), Mirror("exact", "", "central", False)]

    assert repositories.mirror_of(mirrors, "central", "").id == "exact"
    assert repositories.mirror_of(mirrors, "other", "").id == "all"


def test_one_mirror_of_several_repositories_is_asked_once(home, maven):
    """Repositories of active profiles come first; those with the same mirror are one, with the login of the mirror's id."""
    environ = home(
        f"""<mirrors>{_mirror("house", "*")}</mirrors>
        <servers><server><id>house</id><username>me</username></server><server><id>central</id><username>no</username></server></servers>
        <profiles><profile><id>p</id><repositories><repository><id>extra</id><url>https://extra.test</url></repository></repositories></profile></profiles>
        <activeProfiles><activeProfile>p</activeProfile></activeProfiles>"""
    )

    assert [(one.id, one.url, one.server.username) for one in repositories.configured(settings.read(maven, environ), maven)] == [
        ("house", "https://mirror.test/m2", "me")
    ]


@pytest.mark.parametrize(
    ("active", "found"),
    [
        ("", ["default", "central"]),
        ("<activeProfiles><activeProfile>on</activeProfile></activeProfiles>", ["on", "central"]),
        ("<activeProfiles><activeProfile>unknown</activeProfile></activeProfiles>", ["default", "central"]),
    ],
)
def test_profiles(home, maven, active, found):
    """The repositories of active profiles count; a profile that is on by default counts if no other is on. Snapshots do not count."""

    def profile(name, extra=""):
        return (
            f"<profile><id>{name}</id>{extra}<repositories><repository><id>{name}</id><url>https://{name}.test</url></repository>"
            "<repository><id>snapshots</id><url>https://s.test</url><releases><enabled>false</enabled></releases></repository></repositories></profile>"
        )

    by_default = "<activation><activeByDefault>true</activeByDefault></activation>"
    environ = home(f"<profiles>{profile('off')}{profile('on')}{profile('default', by_default)}</profiles>{active}")

    assert [one.id for one in repositories.configured(settings.read(maven, environ), maven)] == found


def test_a_blocked_mirror(home, maven):
    """A mirror that blocks plain HTTP says so, and what to do."""
    environ = home(
        "<mirrors><mirror><id>blocker</id><mirrorOf>external:http:*</mirrorOf><url>http://0.0.0.0/</url><blocked>true</blocked></mirror></mirrors>"
        "<profiles><profile><id>p</id><repositories><repository><id>old</id><url>http://old.test</url></repository></repositories></profile></profiles>"
        "<activeProfiles><activeProfile>p</activeProfile></activeProfiles>"
    )

    with pytest.raises(FetchError, match=r"repository old: mirror blocker in settings.xml blocks it.*Use HTTPS"):
        repositories.configured(settings.read(maven, environ), maven)


def _proxy(protocol: str, host: str, exceptions: str = "") -> Proxy:
    return Proxy(host, protocol, host, 8080, "", "", exceptions)


def test_proxies():
    """The first proxy of the protocol is used, one of protocol http for HTTPS if there is no other, and none for excepted hosts."""
    both = [_proxy("http", "plain"), _proxy("https", "tls", "*.house.test|10.*")]

    assert repositories.proxy_for(both, "https://central.test/m2").host == "tls"
    assert repositories.proxy_for(both, "https://m2.house.test/").host == "plain"
    assert repositories.proxy_for(both[1:], "https://m2.house.test/") is None
    assert repositories.proxy_for(both[1:], "http://central.test/") is None


def test_proxies_of_the_settings(home):
    """Inactive proxies are left out, and the port has a default."""
    environ = home(
        "<proxies><proxy><id>off</id><active>false</active><host>off</host></proxy>"
        "<proxy><id>on</id><protocol>HTTPS</protocol><host>on</host><username>u</username><password>p</password></proxy></proxies>"
    )

    assert settings.read(None, environ).proxies == [Proxy("on", "https", "on", 8080, "u", "p", "")]


def test_passwords_are_not_shown():
    """Neither a server nor a proxy shows its password or token when it is printed."""
    assert "s3cret" not in repr([Server("s", "me", "s3cret", (("Token", "s3cret"),)), Proxy("p", "http", "h", 1, "me", "s3cret", "")])


@pytest.mark.parametrize(
    ("password", "encrypted"), [("plain", False), ("{COQLCE6=}", True), ("note {COQLCE6=} more", True), (r"\{plain\}", False), ("{}", False)]
)
def test_encrypted_passwords_are_recognized(home, password, encrypted):
    """A password in braces is encrypted; escaped braces are part of it."""
    environ = home(f"<servers><server><id>s</id><password>{password}</password></server></servers>")

    assert settings.has_encrypted(settings.read(None, environ)) == encrypted


def test_decrypted_settings():
    """Decrypted passwords replace those of the same kind and id."""
    read = settings.Settings([], {"a": Server("a", "u", "{x}")}, [_proxy("http", "a")], {}, [], Path("."), False)

    new = settings.decrypted(read, {("server", "a"): "one", ("proxy", "a"): "two"})
    assert (new.servers["a"].password, new.proxies[0].password) == ("one", "two")


def test_settings_that_are_not_xml(home):
    """A broken file is one sentence with its line."""
    environ = home("<mirrors>\n<mirror>")

    with pytest.raises(InputError, match=r"settings\.xml:2: the file is not XML .*Correct it"):
        settings.read(None, environ)


def test_a_port_that_is_not_a_number(home):
    """A wrong port names the file and the value."""
    environ = home("<proxies><proxy><host>h</host><port>many</port></proxy></proxies>")

    with pytest.raises(InputError, match=r'settings\.xml: the port of a proxy is "many"'):
        settings.read(None, environ)


def test_the_installation_is_found(maven, tmp_path):
    """MAVEN_HOME wins; otherwise mvn on PATH leads to the installation, through links."""
    (maven / "bin").mkdir()
    (maven / "bin/mvn").write_text("#!/bin/sh\n")
    (maven / "bin/mvn").chmod(0o755)
    (tmp_path / "path").mkdir()
    (tmp_path / "path/mvn").symlink_to(maven / "bin/mvn")

    assert installation.find({"MAVEN_HOME": str(maven), "PATH": ""}) == maven
    assert installation.find({"PATH": str(tmp_path / "path")}) == maven


def test_an_installation_without_a_super_pom(tmp_path):
    """A Maven that cannot say its repository is named."""
    (tmp_path / "lib").mkdir()

    with pytest.raises(InputError, match="is not a Maven 3"):
        installation.default_repository(tmp_path)
