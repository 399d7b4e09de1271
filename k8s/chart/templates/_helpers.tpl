{{/* The version: one place, the image's tag, or that of the chart. */}}
{{- define "lapwing.version" -}}
{{- .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Call with (dict "root" $ "name" … "component" …): what selects pods. */}}
{{- define "lapwing.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* The labels of pods; with "version" also that. */}}
{{- define "lapwing.podLabels" -}}
{{ include "lapwing.selector" . }}
app.kubernetes.io/part-of: lapwing
{{- with .version }}
app.kubernetes.io/version: {{ . | quote }}
{{- end }}
{{- end }}

{{/* The labels that Helm's users expect on everything. Call with the root. */}}
{{- define "lapwing.ofHelm" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* The labels of an object that belongs to one service or server. */}}
{{- define "lapwing.labels" -}}
{{ include "lapwing.podLabels" . }}
{{ include "lapwing.ofHelm" .root }}
{{- end }}

{{/* The labels of an object that belongs to none. Call with the root. */}}
{{- define "lapwing.plainLabels" -}}
app.kubernetes.io/part-of: lapwing
{{ include "lapwing.ofHelm" . }}
{{- end }}

{{/* A ServiceAccount that may do nothing. */}}
{{- define "lapwing.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  namespace: {{ .namespace | default .root.Release.Namespace }}
  labels:
    {{- include "lapwing.labels" . | nindent 4 }}
  {{- if eq .component "test" }}
  annotations:
    {{- include "lapwing.testHook" -1 | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}

{{/* What all pods have that run as one user. Call with (dict "user" … "group" … "onMismatch" bool). */}}
{{- define "lapwing.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .user }}
runAsGroup: {{ .group }}
fsGroup: {{ .group }}
{{- if .onMismatch }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* What all containers but the agent's have. */}}
{{- define "lapwing.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Where pods may run, and with which secrets images are pulled. Call with the root. */}}
{{- define "lapwing.placement" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A variable out of the Secret. Call with (dict "root" $ "variable" … "key" … "optional" bool). */}}
{{- define "lapwing.fromSecret" -}}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef:
      name: {{ .root.Values.secrets.lapwing }}
      key: {{ .key }}
      {{- if .optional }}
      optional: true
      {{- end }}
{{- end }}

{{/* A variable with the address of the pod. */}}
{{- define "lapwing.podAddress" -}}
- name: {{ . }}
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
{{- end }}

{{/* An http probe. Call with (dict "path" … "port" … "period" … "timeout" … "failures" …). */}}
{{- define "lapwing.probe" -}}
httpGet:
  path: {{ .path }}
  port: {{ .port }}
periodSeconds: {{ .period }}
timeoutSeconds: {{ .timeout }}
failureThreshold: {{ .failures }}
{{- end }}

{{/* What makes an object one of `helm test`, made for it and gone when it has passed. Call with its place among the others. */}}
{{- define "lapwing.testHook" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
