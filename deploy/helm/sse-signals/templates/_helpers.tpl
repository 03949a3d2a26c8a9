{{/* The name of all objects: that of the release, if it says what it is. */}}
{{- define "signals.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "signals.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "signals.labels" -}}
{{ include "signals.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "signals.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* Seconds for preStop and the drain's delay and window. */}}
{{- define "signals.drain" -}}
{{ add .Values.drain.preStop .Values.drain.delay .Values.drain.window }}
{{- end }}

{{/* After how many seconds a node is killed: its drain, 15 s, and 1 s for each 500 streams (200 s at most), which a busy core takes to end. */}}
{{- define "signals.grace" -}}
{{- $streams := .Values.settings.SIGNALS_MAX_STREAMS | default "10000" | int | min 100000 -}}
{{ add (include "signals.drain" .) 15 (div (add $streams 499) 500) }}
{{- end }}

{{/* The path that all routes begin with. */}}
{{- define "signals.prefix" -}}
{{ .Values.settings.SIGNALS_PREFIX | default "/signals" }}
{{- end }}
