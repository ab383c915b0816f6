"""Kubeconfigs in all their forms, read as kubectl reads them; whatever is wrong with one is said in two lines."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from ztui.kube.failures import Kind, KubeError
from ztui.kube.kubeconfig import (
    Basic,
    ClientCertificate,
    ClusterAccess,
    Legacy,
    Plugin,
    Token,
    TokenFile,
    load,
)

CANARY = "canary-5f2e"


def config(
    cluster: dict[str, Any] | None = None,
    user: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
    current: object = "c",
    **top: Any,
) -> dict[str, Any]:
    """A kubeconfig of one context, `c`, changed where a test says so."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current,
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"} | (context or {})}],
        "clusters": [{"name": "k", "cluster": {"server": "https://k.test:6443"} | (cluster or {})}],
        "users": [{"name": "u", "user": user or {}}],
    } | top


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def read(tmp_path: Path, content: object, **options: Any) -> ClusterAccess:
    return load([write(tmp_path / "config", content)], environment={}, **options)


def refusal(tmp_path: Path, content: object, **options: Any) -> KubeError:
    with pytest.raises(KubeError) as caught:
        read(tmp_path, content, **options)
    error = caught.value
    assert error.kind is Kind.CONFIG
    assert error.exit_code == 3
    assert error.remedy
    assert "\n" not in error.what + error.remedy
    assert CANARY not in f"{error.what} {error.remedy} {error.detail} {error.__cause__!r} {error.__context__!r}"
    return error


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


# -- which files


def test_the_usual_place_is_read_where_nothing_is_named(tmp_path: Path) -> None:
    write(tmp_path / ".kube/config", config())
    access = load(environment={"HOME": str(tmp_path)})
    assert (access.context, access.server, access.host) == ("c", "https://k.test:6443", "k.test:6443")


def test_kubeconfig_of_the_environment_is_read_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "later", config())))
    assert load(environment=os.environ).context == "c"


def test_what_the_user_named_beats_the_environment(tmp_path: Path) -> None:
    other = write(tmp_path / "other", config(current="nowhere"))
    named = write(tmp_path / "named", config())
    assert load([named], environment={"KUBECONFIG": str(other)}).context == "c"


def test_several_files_are_merged_by_kubectls_rule(tmp_path: Path) -> None:
    """The first to name an entry or the current context wins; entries are not merged with each other."""
    first = config(
        {"server": "https://first:1"},
        clusters=[{"name": "k", "cluster": {"server": "https://first:1"}}],
        users=[{"name": "u", "user": {"token": "first"}}],
    )
    second = config(
        users=[{"name": "u", "user": {"username": "second", "tokenFile": "x"}}, {"name": "v", "user": {}}],
        contexts=[
            {"name": "c", "context": {"cluster": "nowhere"}},
            {"name": "d", "context": {"cluster": "k2", "user": "v", "namespace": "n"}},
        ],
        clusters=[
            {"name": "k", "cluster": {"server": "https://second:2"}},
            {"name": "k2", "cluster": {"server": "https://second:2"}},
        ],
        current="d",
    )
    paths = [write(tmp_path / "a", first), write(tmp_path / "b", second)]
    environment = {"KUBECONFIG": os.pathsep.join(["", str(tmp_path / "absent"), *map(str, paths)])}
    access = load(environment=environment)
    assert (access.context, access.server, access.auth) == ("c", "https://first:1", Token(token="first"))  # type: ignore[arg-type]
    access = load(environment=environment, context="d")
    assert (access.server, access.namespace, access.auth) == ("https://second:2", "n", None)


def test_the_current_context_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "a", {"current-context": "c"})
    write(tmp_path / "b", config(current="other"))
    write(tmp_path / "empty", "")
    names = ("empty", "a", "b")
    environment = {"KUBECONFIG": os.pathsep.join(str(tmp_path / name) for name in names)}
    assert load(environment=environment).context == "c"


def test_relative_paths_start_at_the_file_that_names_them(tmp_path: Path) -> None:
    user = {"client-certificate": "tls/c.pem", "client-key": "tls/k.pem"}
    path = write(tmp_path / "deep/config", config({"certificate-authority": "tls/ca.pem"}, user))
    for name in ("c", "k", "ca"):
        write(tmp_path / f"deep/tls/{name}.pem", name)
    access = load([path], environment={})
    assert access.authority == b"ca"
    assert access.certificate == ClientCertificate(certificate=b"c", key=b"k")


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(KubeError, match="does not exist") as caught:
        load([tmp_path / "none"], environment={})
    assert "--kubeconfig" in caught.value.remedy
    with pytest.raises(KubeError, match="does not exist") as caught:
        load(environment={"KUBECONFIG": str(tmp_path / "none")})
    assert "KUBECONFIG" in caught.value.remedy


def test_no_file_at_all_names_the_demo(tmp_path: Path) -> None:
    with pytest.raises(KubeError, match="no kubeconfig") as caught:
        load(environment={"HOME": str(tmp_path)})
    assert "ztui demo" in caught.value.remedy
    with pytest.raises(KubeError, match="no kubeconfig"):
        load(environment={})


def test_a_directory_and_a_closed_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(KubeError, match="cannot be read: Is a directory"):
        load([tmp_path], environment={})
    path = write(tmp_path / "closed", config())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("nothing is closed to this user")
    with pytest.raises(KubeError, match="cannot be read: Permission denied"):
        load([path], environment={})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"users:\n- name: u\n  user: {{token: {CANARY}\n", "is not YAML"),
        (f"token: &a {CANARY}\nb: *{CANARY}\n", "is not YAML"),
        (f"token: !{CANARY} x\n", "is not YAML"),
        ("a: \x01\n", "is not YAML"),
        ("- a\n- b\n", "is not a kubeconfig"),
        ("just text", "is not a kubeconfig"),
        ("a: " + "[" * 3000, "is not YAML"),
    ],
)
def test_what_is_no_kubeconfig_is_said_without_quoting_it(tmp_path: Path, text: str, says: str) -> None:
    assert says in refusal(tmp_path, text).what


def test_bad_yaml_is_told_by_its_line(tmp_path: Path) -> None:
    assert "line 3" in refusal(tmp_path, "a: 1\nb: 2\n c: d: e\n").remedy


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_bytes(b"\x00\xff\xfe\x80" * 100)
    with pytest.raises(KubeError, match="is not YAML"):
        load([path], environment={})


# -- which context


def test_a_context_by_name(tmp_path: Path) -> None:
    contexts = [{"name": n, "context": {"cluster": "k", "user": "u", "namespace": n}} for n in ("c", "d")]
    assert read(tmp_path, config(contexts=contexts), context="d").namespace == "d"


def test_an_unknown_context_names_those_there_are(tmp_path: Path) -> None:
    error = refusal(tmp_path, config(), context="prod")
    assert error.what == "There is no context 'prod' in the kubeconfig."
    assert error.remedy == "Use one of: c."
    many = [{"name": f"c{i}", "context": {}} for i in range(12)]
    assert (
        refusal(tmp_path, config(contexts=many), context="x").remedy
        == "Use one of: c0, c1, c10, c11, c2, c3, c4, c5 …."
    )


@pytest.mark.parametrize("current", ["", None])
def test_no_current_context(tmp_path: Path, current: str | None) -> None:
    error = refusal(tmp_path, config(current=current))
    assert "no current context" in error.what
    assert "--context: c" in error.remedy


def test_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    assert "names the cluster 'k', which is not there" in refusal(tmp_path, config(clusters=None)).what


@pytest.mark.parametrize("user", [{"user": None}, {"user": "absent"}, {"user": ""}])
def test_a_context_without_a_user_is_nobody(tmp_path: Path, user: dict[str, Any]) -> None:
    access = read(tmp_path, config(context=user, user={"token": "t"}))
    assert access.auth is None


# -- the cluster


@pytest.mark.parametrize(
    ("server", "expected", "host"),
    [
        ("https://k.test", "https://k.test", "k.test:443"),
        ("https://k.test/k8s/clusters/c-1/", "https://k.test/k8s/clusters/c-1", "k.test:443"),
        ("k.test:8443", "https://k.test:8443", "k.test:8443"),
        ("http://localhost:8080", "http://localhost:8080", "localhost:8080"),
        ("https://[fd00::1]:6443", "https://[fd00::1]:6443", "[fd00::1]:6443"),
        ("https://10.0.0.1", "https://10.0.0.1", "10.0.0.1:443"),
    ],
)
def test_servers(tmp_path: Path, server: str, expected: str, host: str) -> None:
    access = read(tmp_path, config({"server": server}))
    assert (access.server, access.host) == (expected, host)


@pytest.mark.parametrize(
    "server",
    [
        "",
        "https://",
        "https://k.test:port",
        "https://k.test:99999",
        "https://[::1",
        "https://a..b",
        f"https://{'a' * 70}.test",
        "https://a b",
        "ftp://k.test",
        f"https://admin:{CANARY}@k.test",
        ["https://k.test"],
        6443,
    ],
)
def test_a_server_that_is_none_is_found_before_anything_is_asked(tmp_path: Path, server: object) -> None:
    refusal(tmp_path, config({"server": server}))


def test_the_authority_from_data_or_file_and_data_wins(tmp_path: Path) -> None:
    file = write(tmp_path / "ca", "from file")
    assert read(tmp_path, config({"certificate-authority": str(file)})).authority == b"from file"
    both = {"certificate-authority": str(file), "certificate-authority-data": b64("from data")}
    assert read(tmp_path, config(both)).authority == b"from data"
    folded = b64("x" * 100)
    folded = f"{folded[:60]}\n{folded[60:]}\n"
    assert read(tmp_path, config({"certificate-authority-data": folded})).authority == b"x" * 100
    assert read(tmp_path, config()).authority is None


def test_an_authority_that_cannot_be_had(tmp_path: Path) -> None:
    error = refusal(tmp_path, config({"certificate-authority": "none.pem"}))
    assert "none.pem cannot be read: No such file or directory" in error.what
    error = refusal(tmp_path, config({"certificate-authority-data": f"-----{CANARY}-----"}))
    assert error.what == "The certificate-authority-data of the cluster 'k' is not base64."


def test_tls_options_are_visible(tmp_path: Path) -> None:
    access = read(tmp_path, config({"insecure-skip-tls-verify": True, "tls-server-name": "inner.test"}))
    assert access.insecure
    assert access.tls_server_name == "inner.test"
    assert not read(tmp_path, config()).insecure


def test_a_quoted_false_does_not_switch_verification_off(tmp_path: Path) -> None:
    error = refusal(tmp_path, config({"insecure-skip-tls-verify": "false"}))
    assert "neither true nor false" in error.what


def test_an_authority_and_no_verification_contradict_each_other(tmp_path: Path) -> None:
    both = {"insecure-skip-tls-verify": True, "certificate-authority-data": b64("ca")}
    assert "has both" in refusal(tmp_path, config(both)).what


def test_compression_can_be_switched_off(tmp_path: Path) -> None:
    assert not read(tmp_path, config({"disable-compression": True})).compression
    assert read(tmp_path, config()).compression


@pytest.mark.parametrize("url", ["http://proxy:3128", "https://me:pass@proxy:3129"])
def test_proxies(tmp_path: Path, url: str) -> None:
    access = read(tmp_path, config({"proxy-url": url}))
    assert access.proxy_url == url
    assert "pass" not in repr(access)


def test_a_socks_proxy_is_refused_honestly_and_without_its_password(tmp_path: Path) -> None:
    error = refusal(tmp_path, config({"proxy-url": f"socks5://me:{CANARY}@proxy:1080"}))
    assert error.what == "The proxy-url in the kubeconfig is a SOCKS proxy, which ztui cannot use."
    assert "http://" in error.remedy


@pytest.mark.parametrize("url", [f"http://me:{CANARY}@proxy:port", "gopher://proxy", "http://", 3128])
def test_a_proxy_that_is_none(tmp_path: Path, url: object) -> None:
    refusal(tmp_path, config({"proxy-url": url}))


# -- the user


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"token": " abc\n"}, Token(token="abc")),  # type: ignore[arg-type]
        ({"token": "2026-01-01"}, Token(token="2026-01-01")),  # type: ignore[arg-type]
        ({"tokenFile": "/t"}, TokenFile(path=Path("/t"))),
        ({"tokenFile": "/t", "token": "abc"}, TokenFile(path=Path("/t"))),
        ({"username": "me", "password": "pw"}, Basic(username="me", password="pw")),  # type: ignore[arg-type]
        ({"username": "me"}, Basic(username="me", password="")),  # type: ignore[arg-type]
        ({"token": "abc", "username": "me"}, Token(token="abc")),  # type: ignore[arg-type]
        ({"token": "abc", "exec": {"command": "x", "apiVersion": "y"}}, Token(token="abc")),  # type: ignore[arg-type]
        ({}, None),
    ],
)
def test_ways_to_log_in(tmp_path: Path, user: dict[str, Any], expected: object) -> None:
    text = yaml.safe_dump(config(user=user)).replace("'2026-01-01'", "2026-01-01")
    assert read(tmp_path, text).auth == expected


def test_a_relative_token_file(tmp_path: Path) -> None:
    assert read(tmp_path, config(user={"tokenFile": "t"})).auth == TokenFile(path=tmp_path / "t")


@pytest.mark.parametrize(
    "user",
    [
        {"token": 12345},
        {"token": [CANARY]},
        {"username": {"a": CANARY}},
        {"client-certificate-data": b64("c")},
        {"client-key": "/none"},
        {"client-key-data": f"*{CANARY}*", "client-certificate-data": b64("c")},
        {"exec": CANARY},
        {"exec": {"command": "aws"}},
        {"exec": {"apiVersion": "client.authentication.k8s.io/v1"}},
        {"exec": {"command": "aws", "apiVersion": "client.authentication.k8s.io/v1alpha1"}},
        {"exec": {"command": "aws", "apiVersion": "client.authentication.k8s.io/v1", "args": [1]}},
        {"exec": {"command": "aws", "apiVersion": "client.authentication.k8s.io/v1", "args": CANARY}},
        {"exec": {"command": "aws", "apiVersion": "client.authentication.k8s.io/v1", "env": [CANARY]}},
        {"exec": {"command": "aws", "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Sometimes"}},
        {"as-groups": ["g"]},
        {"as-uid": "1"},
        {"as": "me", "as-groups": "g"},
        {"as": "me\nX-Evil: 1"},
        {"as": "me", "as-user-extra": {"k": "v"}},
    ],
)
def test_users_that_make_no_sense(tmp_path: Path, user: dict[str, Any]) -> None:
    refusal(tmp_path, config(user=user))


@pytest.mark.parametrize(
    "broken",
    [
        {"contexts": "c"},
        {"contexts": {"c": {}}},
        {"clusters": ["k"]},
        {"users": [{"name": "u", "user": "token"}]},
        {"current": ["c"]},
        {"contexts": [{"name": "c", "context": {"cluster": ["k"]}}]},
        {"contexts": [{"name": "c", "context": {"cluster": "k", "namespace": 7}}]},
    ],
)
def test_lists_that_are_none_and_fields_of_another_kind(tmp_path: Path, broken: dict[str, Any]) -> None:
    refusal(tmp_path, config(**broken))


def test_a_plugin_in_full(tmp_path: Path) -> None:
    cluster = {
        "server": "https://k.test:6443",
        "certificate-authority-data": b64("ca"),
        "tls-server-name": "inner",
        "extensions": [
            {"name": "other", "extension": {"x": 1}},
            {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}},
        ],
    }
    spec = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./bin/login",
        "args": ["get-token", "--secret", CANARY],
        "env": [{"name": "PROFILE", "value": CANARY}],
        "installHint": "Install login.\n",
        "interactiveMode": "Never",
        "provideClusterInfo": True,
    }
    access = read(tmp_path, config(cluster, {"exec": spec}))
    assert access.auth == Plugin(
        command=str(tmp_path / "bin/login"),
        args=("get-token", "--secret", CANARY),
        env=(("PROFILE", CANARY),),
        api_version="client.authentication.k8s.io/v1",
        install_hint="Install login.",
        interactive_mode="Never",
        cluster={
            "server": "https://k.test:6443",
            "tls-server-name": "inner",
            "certificate-authority-data": b64("ca"),
            "config": {"audience": "a"},
        },
    )
    assert CANARY not in repr(access)


@pytest.mark.parametrize("command", ["aws", "/usr/bin/aws"])
def test_a_plugin_in_the_path_or_with_its_whole_path(tmp_path: Path, command: str) -> None:
    spec = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": command, "args": None, "env": None}
    auth = read(tmp_path, config(user={"exec": spec})).auth
    assert isinstance(auth, Plugin)
    assert (auth.command, auth.interactive_mode, auth.cluster) == (command, "IfAvailable", None)


def test_a_plugin_that_is_no_longer_spoken_says_how_to_mend_it(tmp_path: Path) -> None:
    spec = {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "aws"}
    error = refusal(tmp_path, config(user={"exec": spec}))
    assert "v1alpha1" in error.what
    assert "v1beta1" in error.remedy


def test_an_auth_provider_keeps_the_merged_file_for_the_package(tmp_path: Path) -> None:
    provider = {"name": "gcp", "config": {"access-token": CANARY, "expiry": "2099-01-01T00:00:00Z"}}
    access = read(tmp_path, config(user={"auth-provider": provider}))
    assert isinstance(access.auth, Legacy)
    assert access.auth.kubeconfig["users"][0]["user"]["auth-provider"] == provider
    assert access.auth.kubeconfig["current-context"] == "c"
    assert CANARY not in repr(access)


def test_secrets_show_nowhere(tmp_path: Path) -> None:
    pair = {"client-certificate-data": b64("cert"), "client-key-data": b64(CANARY)}
    for user in ({"token": CANARY}, {"username": "u", "password": CANARY}, pair):
        access = read(tmp_path, config(user=user))
        secrets = [getattr(access.auth, name, None) for name in ("token", "password")]
        assert CANARY not in f"{access!r} {access} {access.auth!r} {secrets!r}"


# -- somebody else


def test_impersonation_of_the_kubeconfig(tmp_path: Path) -> None:
    user = {"as": "jane", "as-uid": "7", "as-groups": ["a", "b"], "as-user-extra": {"Scopes/x": ["view", "edit"]}}
    assert read(tmp_path, config(user=user)).impersonate == (
        ("Impersonate-User", "jane"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Extra-Scopes%2Fx", "view"),
        ("Impersonate-Extra-Scopes%2Fx", "edit"),
    )


def test_the_command_lines_somebody_else_beats_the_kubeconfigs(tmp_path: Path) -> None:
    user = {"as": "jane", "as-uid": "7", "as-groups": ["a"]}
    access = read(tmp_path, config(user=user), as_user="root", as_groups=("g", "h"))
    assert access.impersonate == (
        ("Impersonate-User", "root"),
        ("Impersonate-Group", "g"),
        ("Impersonate-Group", "h"),
    )


def test_a_group_alone_is_nobody(tmp_path: Path) -> None:
    error = refusal(tmp_path, config(), as_groups=("g",))
    assert "--as USER" in error.remedy


# -- inside a pod


@pytest.fixture
def service_account(tmp_path: Path) -> Path:
    directory = tmp_path / "account"
    for name, text in (("token", "tok"), ("ca.crt", "ca"), ("namespace", "ns\n")):
        write(directory / name, text)
    return directory


IN_POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def test_in_a_pod_its_service_account_is_used(service_account: Path) -> None:
    access = load(environment=IN_POD, service_account=service_account, as_user="jane")
    assert access == ClusterAccess(
        context=None,
        server="https://10.0.0.1:443",
        namespace="ns",
        authority=b"ca",
        impersonate=(("Impersonate-User", "jane"),),
        auth=TokenFile(path=service_account / "token"),
    )
    assert access.title == "in-cluster"
    access = load(environment=IN_POD | {"KUBERNETES_SERVICE_HOST": "fd00::1"}, service_account=service_account)
    assert access.server == "https://[fd00::1]:443"


def test_in_a_pod_a_kubeconfig_and_a_named_context_come_first(tmp_path: Path, service_account: Path) -> None:
    environment = IN_POD | {"HOME": str(tmp_path)}
    with pytest.raises(KubeError, match="no kubeconfig"):
        load(environment=environment, service_account=service_account, context="c")
    write(tmp_path / ".kube/config", config())
    assert load(environment=environment, service_account=service_account).context == "c"


def test_nothing_is_written(tmp_path: Path) -> None:
    """Reading a kubeconfig leaves no file behind, least of all one with a key in it."""
    path = write(tmp_path / "config", config(user={"client-certificate-data": b64("c"), "client-key-data": b64("k")}))
    mode = stat.S_IMODE(path.stat().st_mode)
    load([path], environment={})
    assert [p.name for p in tmp_path.iterdir()] == ["config"]
    assert stat.S_IMODE(path.stat().st_mode) == mode
