{{/* The head of a NetworkPolicy. Call with (dict "root" $ "name" …). */}}
{{- define "lapwing.policy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "lapwing.plainLabels" .root | nindent 4 }}
{{- end }}

{{/* Networks. Call with a list of them. */}}
{{- define "lapwing.blocks" -}}
{{- range . }}
- ipBlock: { cidr: {{ . | quote }} }
{{- end }}
{{- end }}

{{/* Pods of another namespace. Call with (dict "namespace" … "name" …). */}}
{{- define "lapwing.podsElsewhere" -}}
- namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ .namespace }} } }
  podSelector: { matchLabels: { app.kubernetes.io/name: {{ .name }} } }
{{- end }}
