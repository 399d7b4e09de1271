{{/* The settings of one service as YAML: what follows from other values, and what is set. Call with (dict "root" $ "name" …). */}}
{{- define "lapwing.serviceSettings" -}}
{{- $values := .root.Values }}
{{- $known := dict }}
{{- if and (has .name (list "gateway" "alerting")) $values.ingress.enabled }}
{{- $_ := set $known "LAPWING_PUBLIC_URL" (printf "https://%s" $values.ingress.host) }}
{{- end }}
{{- if and (eq .name "fleet") $values.nats.outside.enabled }}
{{- $_ := set $known "FLEET_AGENT_NATS_URL" (printf "tls://nats.%s.svc:4222,tls://%s:4222" .root.Release.Namespace $values.nats.outside.host) }}
{{- end }}
{{- $over := list $known $values.settings (index $values.services .name).settings }}
{{- include "lapwing.settings" (dict "root" .root "file" (printf "settings/%s.env" .name) "over" $over) }}
{{- end }}

{{/* The variables of a service that are wired. Call with (dict "root" $ "name" … "service" …). */}}
{{- define "lapwing.serviceEnv" -}}
{{- $root := .root -}}
- name: NODE_ENV
  value: production
{{ include "lapwing.podAddress" "LAPWING_OPS_HOST" }}
- name: LAPWING_OPS_PORT
  value: "9090"
- name: NATS_URL
  value: {{ $root.Values.nats.outside.enabled | ternary "tls" "nats" }}://nats:4222
- name: NATS_CREDENTIALS_DIR
  value: /run/lapwing/credentials
- name: LAPWING_STREAM_REPLICAS
  value: {{ $root.Values.nats.replicas | quote }}
{{- if $root.Values.nats.outside.enabled }}
# Whoever has signed the certificate may be unknown to Node.
- name: NODE_EXTRA_CA_CERTS
  value: /run/lapwing/nats/ca.crt
{{- end }}
{{- if has "database" .service.uses }}
{{ include "lapwing.fromSecret" (dict "root" $root "variable" "DATABASE_URL" "key" "database-url") }}
- name: LAPWING_MIGRATIONS
  value: wait
{{- end }}
{{- if has "secret-key" .service.uses }}
{{ include "lapwing.fromSecret" (dict "root" $root "variable" "LAPWING_SECRET_KEY" "key" "secret-key") }}
{{- end }}
{{- if has "redis" .service.uses }}
{{ include "lapwing.fromSecret" (dict "root" $root "variable" "REDIS_URL" "key" "redis-url") }}
{{- end }}
{{- range $variable, $key := .service.secrets }}
{{ include "lapwing.fromSecret" (dict "root" $root "variable" $variable "key" $key) }}
{{- end }}
{{- range $variable, $key := .service.optionalSecrets }}
{{ include "lapwing.fromSecret" (dict "root" $root "variable" $variable "key" $key "optional" true) }}
{{- end }}
{{- if has "authority" .service.uses }}
- name: FLEET_AUTHORITY_FILE
  value: /run/lapwing/authority/authority.json
{{- end }}
{{- with .service.data }}
- name: {{ . }}
  value: /var/lib/lapwing
{{- end }}
{{- if eq .name "gateway" }}
{{ include "lapwing.podAddress" "HOST" }}
- name: PORT
  value: "8080"
{{- end }}
{{- end }}

{{/* Where its volumes are. */}}
{{- define "lapwing.serviceMounts" -}}
- name: credentials
  mountPath: /run/lapwing/credentials
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- if .root.Values.nats.outside.enabled }}
- name: nats-authority
  mountPath: /run/lapwing/nats
  readOnly: true
{{- end }}
{{- if has "authority" .service.uses }}
- name: authority
  mountPath: /run/lapwing/authority
  readOnly: true
{{- end }}
{{- if .service.data }}
- name: data
  mountPath: /var/lib/lapwing
{{- end }}
{{- end }}

{{/* 288 is 0440. */}}
{{- define "lapwing.serviceVolumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
- name: credentials
  secret:
    secretName: {{ .root.Values.secrets.busPrefix }}{{ .name }}
    defaultMode: 288
{{- if .root.Values.nats.outside.enabled }}
- name: nats-authority
  secret:
    secretName: {{ .root.Values.secrets.natsTls }}
    defaultMode: 288
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- if has "authority" .service.uses }}
# Whoever has it decides who gets onto the bus: no other pod sees it.
- name: authority
  secret:
    secretName: {{ .root.Values.secrets.busAuthority }}
    defaultMode: 288
{{- end }}
{{- if .service.data }}
# Nothing that must outlive the pod: on Kubernetes nothing is fetched and installed, and nothing writes images or clips.
- name: data
  emptyDir:
    sizeLimit: 256Mi
{{- end }}
{{- end }}
