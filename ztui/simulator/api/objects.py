"""The cluster's objects as Kubernetes shows them: one function per resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ztui.simulator import names
from ztui.simulator.clock import stamp
from ztui.simulator.cluster import App, Namespace, Node, Pod, Policy, Revision, Service

Json = dict[str, Any]

VERSION = "v1.34.2"


def namespace_object(namespace: Namespace) -> Json:
    """Render a namespace."""
    labels = {"kubernetes.io/metadata.name": namespace.name}
    if namespace.ambient:
        labels["istio.io/dataplane-mode"] = "ambient"
    return {
        "metadata": _metadata(namespace.name, None, namespace.uid, namespace.created_us, labels),
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def node_object(node: Node) -> Json:
    """Render a node, as wide as kubectl describes it."""
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/region": node.region,
        "topology.kubernetes.io/zone": node.zone,
    }
    since = stamp(node.created_us)
    quiet = {"MemoryPressure": "KubeletHasSufficientMemory", "DiskPressure": "KubeletHasNoDiskPressure"}
    conditions = [_condition(kind, ok=False, since=since, reason=reason) for kind, reason in quiet.items()]
    conditions.append(_condition("Ready", ok=node.ready, since=since, reason="KubeletReady"))
    size = {"cpu": "8", "memory": "32Gi", "pods": "250"}
    return {
        "metadata": _metadata(node.name, None, node.uid, node.created_us, labels),
        "spec": {"podCIDR": f"{names.pod_address(node.index, 0).rsplit('.', 1)[0]}.0/24"},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": names.node_address(node.index)},
                {"type": "Hostname", "address": node.name},
            ],
            "allocatable": size,
            "capacity": size,
            "conditions": conditions,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": "amd64",
                "containerRuntimeVersion": "containerd://2.1.5",
                "kernelVersion": "6.12.57",
                "kubeProxyVersion": "",
                "kubeletVersion": VERSION,
                "operatingSystem": "linux",
                "osImage": "Debian GNU/Linux 13 (trixie)",
            },
        },
    }


def pod_object(pod: Pod) -> Json:
    """Render a pod as its kubelet and its owner left it."""
    app = pod.app
    labels = dict(app.labels)
    hash_label = "controller-revision-hash" if app.kind == "DaemonSet" else "pod-template-hash"
    labels[hash_label] = pod.template_hash
    if app.kind == "DaemonSet":
        labels["pod-template-generation"] = str(app.generation)
    metadata = _metadata(pod.name, pod.namespace, pod.uid, pod.created_us, labels)
    metadata["generateName"] = pod.name[:-5]
    if app.annotations:
        metadata["annotations"] = dict(app.annotations)
    if pod.captured:
        metadata.setdefault("annotations", {})["ambient.istio.io/redirection"] = "enabled"
    metadata["ownerReferences"] = [_owner_of_pod(pod)]
    if pod.leaving_us is not None:
        metadata["deletionTimestamp"] = stamp(pod.leaving_us + 30_000_000)
        metadata["deletionGracePeriodSeconds"] = 30
    return {"metadata": metadata, "spec": _pod_spec(pod), "status": _pod_status(pod)}


def _owner_of_pod(pod: Pod) -> Json:
    app = pod.app
    if app.kind == "DaemonSet":
        return _owner("apps/v1", "DaemonSet", app.name, app.uid)
    revision = next((one for one in app.revisions if one.hash == pod.template_hash), app.revisions[-1])
    return _owner("apps/v1", "ReplicaSet", f"{app.name}-{pod.template_hash}", revision.uid)


def _pod_spec(pod: Pod) -> Json:
    app = pod.app
    spec: Json = {
        "containers": [_container(app)],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "serviceAccount": pod.service_account,
        "serviceAccountName": pod.service_account,
        "terminationGracePeriodSeconds": 30,
    }
    if pod.node is not None:
        spec["nodeName"] = pod.node.name
    return spec


def _container(app: App) -> Json:
    name = "ztunnel-stats" if app.name == "ztunnel" else "http"
    return {
        "image": app.image,
        "imagePullPolicy": "IfNotPresent",
        "name": app.container,
        "ports": [{"containerPort": app.port, "name": name, "protocol": "TCP"}],
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }


def _pod_status(pod: Pod) -> Json:
    ended = pod.phase in ("Succeeded", "Failed")
    ready = pod.ready_us is not None and not ended and (pod.healthy or pod.leaving_us is not None)
    since = stamp(pod.ready_us or pod.created_us)
    conditions = [
        _condition("Initialized", ok=pod.scheduled_us is not None, since=stamp(pod.scheduled_us or pod.created_us)),
        _condition("Ready", ok=ready, since=since),
        _condition("ContainersReady", ok=ready, since=since),
        _condition("PodScheduled", ok=pod.scheduled_us is not None, since=stamp(pod.scheduled_us or pod.created_us)),
    ]
    status: Json = {"conditions": conditions, "phase": pod.phase, "qosClass": "BestEffort"}
    if pod.node is None:
        return status
    host = names.node_address(pod.node.index)
    status |= {"hostIP": host, "hostIPs": [{"ip": host}], "startTime": stamp(pod.scheduled_us or pod.created_us)}
    if pod.address:
        status |= {"podIP": pod.address, "podIPs": [{"ip": pod.address}]}
    status["containerStatuses"] = [_container_status(pod, ready=ready, ended=ended)]
    return status


def _container_status(pod: Pod, *, ready: bool, ended: bool) -> Json:
    started = pod.started_us is not None
    state: Json = {"waiting": {"reason": "ContainerCreating"}}
    if ended:
        state = {
            "terminated": {"exitCode": 0, "reason": "Completed", "startedAt": stamp(pod.started_us or pod.created_us)}
        }
    elif started:
        state = {"running": {"startedAt": stamp(pod.started_us or pod.created_us)}}
    status: Json = {
        "image": pod.app.image,
        "imageID": "",
        "lastState": {"terminated": {"exitCode": 0, "reason": "Completed"}} if pod.restarts else {},
        "name": pod.app.container,
        "ready": ready,
        "restartCount": pod.restarts,
        "started": started and not ended,
        "state": state,
    }
    if started:
        status["containerID"] = f"containerd://{_with_restarts(pod)}"
    return status


def _with_restarts(pod: Pod) -> str:
    """Give a restarted container an id of its own."""
    return f"{(int(pod.container_id, 16) + pod.restarts) % (1 << 256):064x}"


def service_object(service: Service) -> Json:
    """Render a service."""
    spec: Json = {
        "clusterIP": service.address,
        "clusterIPs": [service.address],
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "ports": [
            {"name": "http", "port": port, "protocol": "TCP", "targetPort": target}
            for port, target in service.ports.items()
        ],
        "sessionAffinity": "None",
        "type": "ClusterIP",
    }
    if service.selector:
        spec["selector"] = dict(service.selector)
    labels = {"app": service.name}
    return {
        "metadata": _metadata(service.name, service.namespace, service.uid, service.created_us, labels),
        "spec": spec,
        "status": {"loadBalancer": {}},
    }


def endpointslice_object(service: Service) -> Json:
    """Render the one slice of a service: its pods, not its machines."""
    labels = {
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "kubernetes.io/service-name": service.name,
    }
    metadata = _metadata(service.slice_name, service.namespace, service.slice_uid, service.created_us, labels)
    metadata["ownerReferences"] = [_owner("v1", "Service", service.name, service.uid)]
    pods = [member for member in service.members if isinstance(member, Pod) and member.address]
    return {
        "metadata": metadata,
        "addressType": "IPv4",
        "endpoints": [_endpoint(pod) for pod in pods],
        "ports": [{"name": "http", "port": target, "protocol": "TCP"} for target in service.ports.values()],
    }


def _endpoint(pod: Pod) -> Json:
    serving = pod.ready_us is not None and pod.phase == "Running"
    leaving = pod.leaving_us is not None
    return {
        "addresses": [pod.address],
        "conditions": {"ready": pod.healthy, "serving": serving, "terminating": leaving},
        "nodeName": pod.node.name if pod.node else "",
        "targetRef": {"kind": "Pod", "name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
        "zone": pod.zone,
    }


def deployment_object(app: App) -> Json:
    """Render a Deployment."""
    ready = sum(1 for pod in app.pods if pod.healthy)
    current = len(app.pods_of(app.revisions[-1]))
    metadata = _metadata(app.name, app.namespace, app.uid, app.created_us, dict(app.labels))
    metadata["generation"] = app.generation
    metadata["annotations"] = {"deployment.kubernetes.io/revision": str(app.generation)}
    return {
        "metadata": metadata,
        "spec": {
            "replicas": app.replicas,
            "selector": {"matchLabels": dict(app.labels)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": _template(app),
        },
        "status": {
            "availableReplicas": ready,
            "observedGeneration": app.generation,
            "readyReplicas": ready,
            "replicas": len(app.pods),
            "updatedReplicas": current,
        },
    }


def replicaset_object(pair: tuple[App, Revision]) -> Json:
    """Render a ReplicaSet."""
    app, revision = pair
    pods = app.pods_of(revision)
    labels = {**app.labels, "pod-template-hash": revision.hash}
    metadata = _metadata(revision.name, app.namespace, revision.uid, revision.created_us, labels)
    metadata["ownerReferences"] = [_owner("apps/v1", "Deployment", app.name, app.uid)]
    return {
        "metadata": metadata,
        "spec": {"replicas": len(pods), "selector": {"matchLabels": labels}, "template": _template(app)},
        "status": {"replicas": len(pods), "readyReplicas": sum(1 for pod in pods if pod.healthy)},
    }


def daemonset_object(app: App) -> Json:
    """Render a DaemonSet."""
    ready = sum(1 for pod in app.pods if pod.healthy)
    metadata = _metadata(app.name, app.namespace, app.uid, app.created_us, dict(app.labels))
    metadata["generation"] = app.generation
    return {
        "metadata": metadata,
        "spec": {
            "selector": {"matchLabels": dict(app.labels)},
            "template": _template(app),
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        },
        "status": {
            "currentNumberScheduled": app.replicas,
            "desiredNumberScheduled": app.replicas,
            "numberAvailable": ready,
            "numberMisscheduled": 0,
            "numberReady": ready,
            "observedGeneration": app.generation,
            "updatedNumberScheduled": app.replicas,
        },
    }


def policy_object(policy: Policy) -> Json:
    """Render an AuthorizationPolicy as it was applied."""
    rule: Json = {}
    if policy.principals:
        rule["from"] = [{"source": {"principals": list(policy.principals)}}]
    if policy.ports:
        rule["to"] = [{"operation": {"ports": [str(port) for port in policy.ports]}}]
    spec: Json = {"action": policy.action.upper(), "rules": [rule] if rule else []}
    if policy.selector:
        spec["selector"] = {"matchLabels": dict(policy.selector)}
    return {"metadata": _metadata(policy.name, policy.namespace, policy.uid, policy.created_us, {}), "spec": spec}


def render(kind: str, thing: object) -> Json:
    """Compose the object of a resource, without its resource version."""
    return _RENDERERS[kind](thing)


_RENDERERS: dict[str, Callable[[Any], Json]] = {
    "namespaces": namespace_object,
    "nodes": node_object,
    "pods": pod_object,
    "services": service_object,
    "endpointslices": endpointslice_object,
    "deployments": deployment_object,
    "replicasets": replicaset_object,
    "daemonsets": daemonset_object,
    "authorizationpolicies": policy_object,
}


def _template(app: App) -> Json:
    return {
        "metadata": {"labels": dict(app.labels)},
        "spec": {"containers": [_container(app)], "serviceAccountName": app.service_account},
    }


def _metadata(name: str, namespace: str | None, uid: str, created_us: int, labels: dict[str, str]) -> Json:
    metadata: Json = {"creationTimestamp": stamp(created_us), "name": name, "uid": uid}
    if namespace is not None:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = labels
    return metadata


def _owner(version: str, kind: str, name: str, uid: str) -> Json:
    return {
        "apiVersion": version,
        "blockOwnerDeletion": True,
        "controller": True,
        "kind": kind,
        "name": name,
        "uid": uid,
    }


def _condition(kind: str, *, ok: bool, since: str, reason: str | None = None) -> Json:
    condition: Json = {
        "lastProbeTime": None,
        "lastTransitionTime": since,
        "status": "True" if ok else "False",
        "type": kind,
    }
    if reason:
        condition["reason"] = reason
    return condition
