// The CRDs of the Prometheus operator, for the test that applies the chart's monitors and rules: they
// lie as files in its Go module.
module github.com/mcp-gateway-operator/mcp-gateway-operator/hack/prometheus-operator

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
