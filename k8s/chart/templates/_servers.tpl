{{/* What NATS is configured by, as YAML. */}}
{{- define "lapwing.natsConfiguration" -}}
kubernetes.conf: {{ .Files.Get (.Values.nats.outside.enabled | ternary "files/nats/outside.conf" "files/nats/kubernetes.conf") | quote }}
nats.conf: {{ .Files.Get "files/nats/nats.conf" | quote }}
cluster.conf: {{ .Files.Get (gt (int .Values.nats.replicas) 1 | ternary "files/nats/cluster.conf" "files/nats/alone.conf") | quote }}
{{- end }}

{{/* How the servers of a cluster reach each other. */}}
{{- define "lapwing.natsRoutes" -}}
{{- $routes := list }}
{{- range until (int .Values.nats.replicas) }}
{{- $routes = append $routes (printf `"nats://lapwing:$(NATS_CLUSTER_PASSWORD)@nats-%d.nats-headless:6222"` .) }}
{{- end -}}
[{{ join ", " $routes }}]
{{- end }}

{{/* The volume of a server. Call with (dict "storage" … "labels" bool). */}}
{{- define "lapwing.claim" -}}
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata:
    name: data
    {{- if .labels }}
    labels:
      app.kubernetes.io/part-of: lapwing
    {{- end }}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .storage.className }}
    storageClassName: {{ . }}
    {{- end }}
    resources:
      requests:
        storage: {{ .storage.size }}
{{- end }}

{{/* A probe of PostgreSQL. Call with (dict "period" … "failures" …). */}}
{{- define "lapwing.postgresProbe" -}}
exec:
  command: [pg_isready, -h, 127.0.0.1, -U, lapwing, -d, lapwing]
periodSeconds: {{ .period }}
timeoutSeconds: 5
failureThreshold: {{ .failures }}
{{- end }}

{{/* A probe of Redis. Call with (dict "period" … "timeout" … "failures" …). */}}
{{- define "lapwing.redisProbe" -}}
tcpSocket:
  port: redis
periodSeconds: {{ .period }}
timeoutSeconds: {{ .timeout }}
failureThreshold: {{ .failures }}
{{- end }}
