{{/*
The chart's name, and the name of what is installed: the release's, where that says what it is.
*/}}
{{- define "mcp-gateway-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "mcp-gateway-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The name of a part: (list . "metrics"). It stays a name however long the release's is.
*/}}
{{- define "mcp-gateway-operator.part" -}}
{{- $suffix := index . 1 }}
{{- $room := int (sub 62 (len $suffix)) }}
{{- printf "%s-%s" (include "mcp-gateway-operator.fullname" (index . 0) | trunc $room | trimSuffix "-") $suffix }}
{{- end }}

{{- define "mcp-gateway-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "mcp-gateway-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "mcp-gateway-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "mcp-gateway-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "mcp-gateway-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "mcp-gateway-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with omit .Values.commonLabels "app.kubernetes.io/name" "app.kubernetes.io/instance" }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "mcp-gateway-operator.image" -}}
{{- $image := .Values.image }}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) }}
{{- end }}
{{- end }}

{{/*
The port of an address such as :8443 or 127.0.0.1:8443, and nothing for an address that is off.
*/}}
{{- define "mcp-gateway-operator.port" -}}
{{- $address := . | toString | trim }}
{{- if ne $address "0" }}
{{- regexFind ":[0-9]+$" $address | trimPrefix ":" }}
{{- end }}
{{- end }}

{{- define "mcp-gateway-operator.metricsPort" -}}
{{- include "mcp-gateway-operator.port" .Values.operator.metrics.bindAddress }}
{{- end }}

{{- define "mcp-gateway-operator.secureMetrics" -}}
{{- if and (include "mcp-gateway-operator.metricsPort" .) .Values.operator.metrics.secure }}true{{ end }}
{{- end }}

{{/*
Who gets the rights.
*/}}
{{- define "mcp-gateway-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "mcp-gateway-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/*
A role and its binding: (dict "root" $ "name" … "namespaces" (list …) "rules" …). Without namespaces
they hold in the whole cluster.
*/}}
{{- define "mcp-gateway-operator.grant" -}}
{{- $grant := . }}
{{- $kind := ternary "Role" "ClusterRole" (not (empty .namespaces)) }}
{{- range default (list "") .namespaces }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ $grant.name }}
  {{- with . }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "mcp-gateway-operator.labels" $grant.root | nindent 4 }}
rules:
  {{- $grant.rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ $grant.name }}
  {{- with . }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "mcp-gateway-operator.labels" $grant.root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ $grant.name }}
subjects:
  {{- include "mcp-gateway-operator.subjects" $grant.root | nindent 2 }}
{{- end }}
{{- end }}

{{/*
How a monitor scrapes: (dict "root" $ "monitor" .Values.serviceMonitor).
*/}}
{{- define "mcp-gateway-operator.scrape" -}}
port: metrics
path: /metrics
scheme: {{ ternary "https" "http" .root.Values.operator.metrics.secure }}
{{- with .monitor.interval }}
interval: {{ . }}
{{- end }}
{{- if .root.Values.operator.metrics.secure }}
tlsConfig:
  {{- with .monitor.tlsConfig }}
  {{- toYaml . | nindent 2 }}
  {{- else }}
  insecureSkipVerify: true
  {{- end }}
{{- end }}
{{- with .monitor.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
What fits together nowhere, said before anything is installed.
*/}}
{{- define "mcp-gateway-operator.checks" -}}
{{- $operator := .Values.operator }}
{{- if and (gt (int .Values.replicaCount) 1) (not $operator.leaderElection) }}
{{- fail "replicaCount is more than 1, but operator.leaderElection is off: every process would do the same work. Switch it on, or set replicaCount to 1." }}
{{- end }}
{{- if and (or .Values.serviceMonitor.enabled .Values.podMonitor.enabled) (not (include "mcp-gateway-operator.metricsPort" .)) }}
{{- fail "serviceMonitor.enabled or podMonitor.enabled is true, but operator.metrics.bindAddress serves no metrics: set it, for example to \":8443\"." }}
{{- end }}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
{{- fail "serviceMonitor.enabled and podMonitor.enabled are both true: every metric would be counted twice. Keep one." }}
{{- end }}
{{- if and .Values.podMonitor.enabled (include "mcp-gateway-operator.secureMetrics" .) (not .Values.podMonitor.authorization) }}
{{- fail "podMonitor.enabled with secure metrics needs podMonitor.authorization: a PodMonitor cannot show Prometheus's own token. Name a Secret that holds one, or use serviceMonitor." }}
{{- end }}
{{- end }}
