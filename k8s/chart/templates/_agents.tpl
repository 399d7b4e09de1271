{{- define "lapwing.agentsNamespace" -}}
{{- .Values.agents.namespace | default (printf "%s-agents" .Release.Namespace) }}
{{- end }}

{{- define "lapwing.agentUrl" -}}
{{- .Values.agents.url | default (printf "http://gateway.%s.svc:8080" .Release.Namespace) }}
{{- end }}

{{- define "lapwing.agentSettings" -}}
{{- include "lapwing.settings" (dict "root" . "file" "settings-agent.env" "over" (list .Values.agents.settings)) }}
{{- end }}

{{- define "lapwing.agentProbe" -}}
httpGet:
  host: 127.0.0.1
  path: /health
  port: {{ .port }}
periodSeconds: {{ .period }}
timeoutSeconds: {{ .timeout }}
failureThreshold: {{ .failures }}
{{- end }}
