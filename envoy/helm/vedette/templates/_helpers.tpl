{{/* Names, labels and the files of certificates. One control plane a namespace, so names are fixed. */}}

{{- define "vedette.name" -}}control-plane{{- end }}

{{- define "vedette.selector" -}}
app.kubernetes.io/name: {{ include "vedette.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "vedette.labels" -}}
{{ include "vedette.selector" . }}
app.kubernetes.io/part-of: vedette
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "vedette.host" -}}
{{ include "vedette.name" . }}.{{ .Release.Namespace }}.svc.cluster.local
{{- end }}

{{- define "vedette.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{/* certificate, key and authority, by source. */}}
{{- define "vedette.files" -}}
{{- $secret := .Values.certificates.secret -}}
{{- dict
  "istio" (dict "cert" "cert-chain.pem" "key" "key.pem" "clientCa" "root-cert.pem")
  "certManager" (dict "cert" "tls.crt" "key" "tls.key" "clientCa" "ca.crt")
  "spire" (dict "cert" "svid.pem" "key" "svid-key.pem" "clientCa" "bundle.pem")
  "secret" (dict "cert" $secret.cert "key" $secret.key "clientCa" $secret.clientCa)
  | toYaml -}}
{{- end }}

{{/* `account=ns/name,ns/*` split by `;`, in the order of names: equal values give equal Pods. */}}
{{- define "vedette.bindings" -}}
{{- $pieces := list -}}
{{- range $account, $targets := .Values.bindings -}}
{{- $pieces = append $pieces (printf "%s=%s" $account (join "," $targets)) -}}
{{- end -}}
{{- join ";" $pieces -}}
{{- end }}

{{/* `role=kind:name` split by `;`. */}}
{{- define "vedette.roles" -}}
{{- $pieces := list -}}
{{- range $role, $principals := .Values.operator.roles -}}
{{- range $principals }}{{ $pieces = append $pieces (printf "%s=%s" $role .) }}{{ end -}}
{{- end -}}
{{- join ";" $pieces -}}
{{- end }}
