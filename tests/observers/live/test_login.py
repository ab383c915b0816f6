"""A client certificate of a kubeconfig that has run out is said to have, where the server says only 401."""

from __future__ import annotations

import datetime

from tests.kube.apiserver import Authority
from ztui.clock import ManualClock
from ztui.kube.failures import Asked, Kind, failure
from ztui.kube.kubeconfig import ClientCertificate, ClusterAccess
from ztui.observers.live.login import Explainer

NOW = datetime.datetime.now(datetime.UTC).timestamp()
REFUSED = failure(Kind.UNAUTHORIZED, Asked(host="h:1"))


def explainer(certificate: ClientCertificate | None) -> Explainer:
    access = ClusterAccess(context="prod", server="https://h:1", certificate=certificate)
    return Explainer(access, ManualClock(NOW))


def test_an_expired_certificate_is_named_with_its_age() -> None:
    said = explainer(Authority().issue("me", days=-1))(REFUSED)
    assert said.kind is Kind.UNAUTHORIZED
    assert said.what.startswith("The client certificate of prod expired ")
    assert said.what.endswith(" ago.")
    assert "kubeconfig" in said.remedy


def test_other_refusals_keep_their_words() -> None:
    valid = explainer(Authority().issue("me", days=1))
    assert valid(REFUSED) is REFUSED
    assert explainer(None)(REFUSED) is REFUSED
    assert explainer(ClientCertificate(certificate=b"no PEM", key=b""))(REFUSED) is REFUSED
    forbidden = failure(Kind.FORBIDDEN, Asked(host="h:1"))
    assert explainer(Authority().issue("me", days=-1))(forbidden) is forbidden
