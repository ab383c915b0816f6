"""Who may do what, and the texts of refusals: as a real API server words them."""

from __future__ import annotations

import ssl
import tempfile

import aiohttp
import pytest

from tests.simulator.serving import Api
from ztui.simulator.api.access import ROLES
from ztui.simulator.api.tls import Signer

PORTFORWARD = "/api/v1/namespaces/istio-system/pods/{pod}/portforward?ports=15000"


@pytest.mark.parametrize(
    ("user", "path", "message"),
    [
        (
            "nobody",
            "/api/v1/pods",
            'pods is forbidden: User "nobody" cannot list resource "pods" in API group "" at the cluster scope',
        ),
        (
            "sre",
            "/apis/apps/v1/namespaces/default/deployments?watch=1",
            (
                'deployments.apps is forbidden: User "sre" cannot watch resource "deployments" in API group "apps" '
                'in the namespace "default"'
            ),
        ),
        (
            "nolog",
            "/api/v1/namespaces/istio-system/pods/ztunnel-x/log",
            (
                'pods "ztunnel-x" is forbidden: User "nolog" cannot get resource "pods/log" in API group "" '
                'in the namespace "istio-system"'
            ),
        ),
        (
            None,
            "/api/v1/nodes/w1",
            (
                'nodes "w1" is forbidden: User "system:anonymous" cannot get resource "nodes" in API group "" '
                "at the cluster scope"
            ),
        ),
        (None, "/apis", 'forbidden: User "system:anonymous" cannot get path "/apis"'),
        ("sre", "/simulator/counts", 'forbidden: User "sre" cannot get path "/simulator/counts"'),
    ],
)
async def test_the_text_of_a_403(api: Api, user: str | None, path: str, message: str) -> None:
    answer = await api.get(path, user=user)
    assert (answer.code, answer.json["reason"], answer.json["message"]) == (403, "Forbidden", message)


async def test_a_role_for_namespaces_sees_those_alone(api: Api) -> None:
    assert (await api.get("/api/v1/pods", "namespaced")).code == 403
    assert (await api.get("/api/v1/namespaces/istio-system/pods", "namespaced")).code == 200
    assert (await api.get("/api/v1/namespaces/secure/pods", "namespaced")).code == 403
    assert (await api.get(api.log_path(), "namespaced")).code == 200


async def test_a_forward_needs_get_and_create_and_the_second_refusal_gives_no_reason(api: Api) -> None:
    path = PORTFORWARD.format(pod="ztunnel-x")
    refused = await api.get(path, "noforward")
    assert 'cannot get resource "pods/portforward"' in refused.json["message"]
    await api.control("faults", {"forbid": ["create pods/portforward"]})
    assert (await api.get(path, "sre")).json["message"] == 'pods "ztunnel-x" is forbidden: '


async def test_wrong_and_expired_tokens_are_401_and_a_renewed_one_is_not(api: Api) -> None:
    old = api.host.accounts.tokens["sre"]
    await api.control("tokens", {"user": "sre", "do": "expire"})
    expired = await api.get("/api/v1/pods", "sre")
    assert (expired.code, expired.json["message"]) == (401, "Unauthorized")
    assert "WWW-Authenticate" not in expired.headers
    said = await api.control("tokens", {"user": "sre", "do": "renew"})
    assert said["token"] == api.host.accounts.tokens["sre"] != old
    assert (await api.get("/api/v1/pods", "sre")).code == 200
    for header in (f"Bearer {old}", "Bearer nonsense", "Basic c3JlOng=", "Bearer"):
        async with api.session.get(api.server.url + "/api/v1/pods", headers={"Authorization": header}) as response:
            assert response.status == 401


async def test_a_client_certificate_names_the_user(api: Api, signer: Signer) -> None:
    for user, code in (("sre", 200), ("nobody", 403)):
        pair = signer.client_pair(user, ("system:authenticated",))
        context = ssl.create_default_context(cadata=signer.pem.decode())
        with tempfile.NamedTemporaryFile() as file:
            file.write(pair.certificate + pair.key)
            file.flush()
            context.load_cert_chain(file.name)
        url = api.server.url + "/api/v1/pods"
        async with aiohttp.ClientSession() as session, session.get(url, ssl=context) as response:
            assert response.status == code
            if code == 403:
                assert 'User "nobody"' in (await response.json())["message"]


async def test_a_certificate_of_another_authority_is_not_let_in(api: Api) -> None:
    pair = Signer().client_pair("admin", ())
    context = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(api.context.get_ca_certs(binary_form=True)[0]))
    with tempfile.NamedTemporaryFile() as file:
        file.write(pair.certificate + pair.key)
        file.flush()
        context.load_cert_chain(file.name)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(api.server.url + "/api/v1/pods", ssl=context)


async def test_reviews_agree_with_what_is_then_refused(api: Api) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    paths = {
        ("list", "", "pods", "", ""): "/api/v1/pods",
        ("get", "", "pods", "log", "istio-system"): api.log_path(),
        ("list", "apps", "deployments", "", "default"): "/apis/apps/v1/namespaces/default/deployments",
    }
    for user in ROLES:
        for (verb, group, resource, part, namespace), real in paths.items():
            asked = {"verb": verb, "group": group, "resource": resource, "namespace": namespace, "subresource": part}
            kind = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1"}
            answer = await api.post(path, {**kind, "spec": {"resourceAttributes": asked}}, user)
            assert answer.code == 201
            assert answer.json["status"]["allowed"] == ((await api.get(real, user)).code == 200), (user, real)


async def test_rules_and_self(api: Api) -> None:
    group = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    answer = await api.post(group, {"spec": {"namespace": "istio-system"}}, "namespaced")
    rules = answer.json["status"]
    assert rules["incomplete"] is False
    assert {"verbs": ["get"], "apiGroups": [""], "resources": ["pods/log"]} in rules["resourceRules"]
    me = await api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, "sre")
    assert me.json["status"]["userInfo"]["username"] == "sre"
    assert (await api.post(group, [1], "sre")).code == 400


async def test_busy_lists_and_watches_are_429_in_plain_text_and_logs_are_not(api: Api) -> None:
    await api.control("faults", {"too_many": True, "retry_after_s": 7})
    for path in ("/api/v1/pods", "/api/v1/pods?watch=1"):
        answer = await api.get(path)
        assert (answer.code, answer.headers["Retry-After"]) == (429, "7")
        assert answer.headers["Content-Type"].startswith("text/plain")
    assert (await api.get(api.log_path(query="tailLines=1"))).code == 200


async def test_nothing_can_be_changed(api: Api) -> None:
    answer = await api.post("/api/v1/namespaces/default/pods", {})
    assert (answer.code, answer.json["reason"]) == (405, "MethodNotAllowed")
    assert (
        'cannot create resource "pods"'
        in (await api.post("/api/v1/namespaces/default/pods", {}, "sre")).json["message"]
    )


async def test_only_the_admin_acts_as_somebody_else(api: Api) -> None:
    async def asked(user: str, wanted: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {api.host.accounts.tokens[user]}", "Impersonate-User": wanted}
        async with api.session.get(api.server.url + "/api/v1/nodes", headers=headers) as response:
            return response.status, (await response.json()).get("message", "")

    assert (await asked("admin", "sre"))[0] == 200
    code, message = await asked("admin", "jane")
    assert code == 403
    assert 'User "jane" cannot list resource "nodes"' in message
    code, message = await asked("sre", "admin")
    assert code == 403
    assert message.startswith('users "admin" is forbidden: User "sre" cannot impersonate resource "users"')
