"""Policies: rules three deep, every criterion, and those of versions to come."""

from __future__ import annotations

from ztui.model.policy import PolicyMatch, PolicyRule, StringMatch, read_policy


def test_every_criterion() -> None:
    policy = read_policy(
        {
            "name": "p",
            "namespace": "n",
            "scope": "WorkloadSelector",
            "action": "Allow",
            "dryRun": True,
            "rules": [
                [
                    [
                        {
                            "principals": [{"Exact": "cluster.local/ns/a/sa/b"}, {"Prefix": "x"}, {"Suffix": "y"}],
                            "notPrincipals": [{"Presence": []}],
                            "serviceAccounts": [{"namespace": "a", "serviceAccount": "b"}],
                            "sourceIps": ["10.0.0.0/8"],
                            "destinationPorts": [80],
                            "weather": ["fine"],
                        }
                    ],
                    [{"namespaces": [{"Exact": "a"}]}, {}],
                ],
                [],
            ],
        }
    )
    (rule, empty) = policy.rules
    match = rule.clauses[0][0]
    assert [str(principal) for principal in match.principals] == ["cluster.local/ns/a/sa/b", "x*", "*y"]
    assert [str(principal) for principal in match.not_principals] == ["*"]
    assert (match.service_accounts, match.source_ips, match.destination_ports) == (("a/b",), ("10.0.0.0/8",), (80,))
    assert match.unknown == ("weather",)
    assert rule.clauses[1] == (PolicyMatch(namespaces=(StringMatch(how="exact", value="a"),)), PolicyMatch())
    assert empty == PolicyRule()
    assert policy.dry_run is True
    assert not policy.is_synthetic


def test_strict_mtls_is_a_synthetic_policy() -> None:
    policy = read_policy({"name": "istio_converted_static_strict", "namespace": "istio-system", "action": "Deny"})
    assert policy.is_synthetic
    assert policy.key == "istio-system/istio_converted_static_strict"
