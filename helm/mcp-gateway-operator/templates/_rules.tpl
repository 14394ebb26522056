{{/*
What each part of the operator may do at the API server, and nothing more. config/rbac says the same for
kustomize; a test compares them.
*/}}

{{/* The resources: their status is a merge patch; finalizer and annotation are patches of the resource. */}}
{{- define "mcp-gateway-operator.rules.operator" -}}
- apiGroups: [mcpgateway.bedrock.aws]
  resources: [mcpservers]
  verbs: [get, list, watch, patch]
- apiGroups: [mcpgateway.bedrock.aws]
  resources: [mcpservers/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* The election: one Lease in the operator's namespace. A right to create knows no names. */}}
{{- define "mcp-gateway-operator.rules.election" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "mcp-gateway-operator.fullname" . }}]
  verbs: [get, update]
{{- end }}

{{/* Secure metrics: who asks, and may they? */}}
{{- define "mcp-gateway-operator.rules.metricsAuth" -}}
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
- apiGroups: [authorization.k8s.io]
  resources: [subjectaccessreviews]
  verbs: [create]
{{- end }}

{{/* For spec.toolSync.workloadRef. */}}
{{- define "mcp-gateway-operator.rules.workloads" -}}
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [list, watch]
{{- end }}
