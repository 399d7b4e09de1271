{{/*
What each service needs besides what all of them have: the same as k8s/base/services. Its own settings stand in files/settings.
uses: database, redis, secret-key, data (a folder to write to, named by the variable that tells where), authority.
*/}}
{{- define "lapwing.services" -}}
settings:
  program: apps/settings/dist/main.js
  uses: [database]
  data: SETTINGS_DATA_DIR
auth:
  program: apps/auth/dist/main.js
  uses: [database, secret-key, redis]
  secrets: { LAPWING_ADMIN_PASSWORD: admin-password }
  optionalSecrets:
    PULSE_AUTH_PASS: pulse-auth-pass
    API_TOKENS: api-tokens
    API_TOKEN: api-token
    OIDC_CLIENT_SECRET: oidc-client-secret
metrics-store:
  program: apps/metrics-store/dist/main.js
  uses: [database]
log-store:
  program: apps/log-store/dist/main.js
  uses: [database]
fleet:
  program: apps/fleet/dist/main.js
  uses: [database, secret-key, authority]
alerting:
  program: apps/alerting/dist/main.js
  uses: [database, secret-key]
updates:
  program: apps/updates/dist/main.js
  uses: [database, secret-key]
  optionalSecrets: { LICENSE_SERVER_TOKEN: license-server-token }
  data: UPDATES_DATA_DIR
poller:
  program: apps/collector/dist/poller.js
  uses: [secret-key]
gateway:
  program: apps/gateway/dist/main.js
  uses: [redis]
{{- end }}

{{/* The names of those with a schema, and the Job that brings the schemas up to date. */}}
{{- define "lapwing.withDatabase" -}}
[settings, auth, metrics-store, log-store, fleet, alerting, updates, migrate]
{{- end }}

{{/*
The settings of a service: what is in the file, over it what all services get, over it what this one gets.
Large whole numbers are written out: as YAML reads them they would become 1.07e+09.
Call with (dict "root" $ "file" "settings/auth.env" "over" (list of maps)).
*/}}
{{- define "lapwing.settings" -}}
{{- $settings := dict }}
{{- range splitList "\n" (.root.Files.Get (printf "files/%s" .file)) }}
{{- if regexMatch "^[A-Z][A-Z0-9_]*=" . }}
{{- $_ := set $settings (regexFind "^[A-Z0-9_]+" .) (replace ".lapwing.svc" (printf ".%s.svc" $.root.Release.Namespace) (regexReplaceAll "^[A-Z0-9_]+=" . "")) }}
{{- end }}
{{- end }}
{{- range .over }}
{{- range $name, $value := . }}
{{- $whole := and (kindIs "float64" $value) (eq (floor $value) $value) }}
{{- $_ := set $settings $name ($whole | ternary (printf "%.0f" (float64 $value)) (toString $value)) }}
{{- end }}
{{- end }}
{{- toYaml $settings }}
{{- end }}
