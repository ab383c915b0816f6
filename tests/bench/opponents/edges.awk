# The answer of `ztui edges` with mawk: flows, failures, bytes and mean duration by source workload and service.
BEGIN { FS = "\t" }

$3 != "access" || $4 == "connection opened" { next }

function text(key) { return match($5, key "=\"[^\"]*") ? substr($5, RSTART + length(key) + 2, RLENGTH - length(key) - 2) : "-" }
function number(key) { return match($5, key "=[0-9]+") ? substr($5, RSTART + length(key) + 1, RLENGTH - length(key) - 1) : 0 }

{
    src = text("src.workload"); service = text("dst.service"); workload = text("dst.workload")
    sent = number("bytes_sent"); recv = number("bytes_recv"); took = text("duration") + 0
    failed = index($5, "error=") && !index($5, "connection drain")
    edge = src "\t" service
    if (index($5, "\"inbound\"")) {
        captured[workload]
        in_flows[edge]++; in_failed[edge] += failed; in_sent[edge] += recv; in_recv[edge] += sent; in_took[edge] += took
    } else {
        captured[src]
        flows[edge]++; errors[edge] += failed; bytes_sent[edge] += sent; bytes_recv[edge] += recv; ms[edge] += took
    }
}

END {
    delete captured["-"]
    for (edge in in_flows) {
        split(edge, ends, "\t")
        if (ends[1] in captured) continue
        flows[edge] += in_flows[edge]; errors[edge] += in_failed[edge]; ms[edge] += in_took[edge]
        bytes_sent[edge] += in_sent[edge]; bytes_recv[edge] += in_recv[edge]
    }
    for (edge in flows)
        printf "%s\t%d\t%d\t%.0f\t%.0f\t%.1f\n", edge, flows[edge], errors[edge], bytes_sent[edge], bytes_recv[edge], ms[edge] / flows[edge]
}
