#!/usr/bin/env bash
# Prometheus Alertmanager, which tells of alerts by the webhook at PARLEY_HOOK, with the bearer token of PARLEY_SECRET. Alerts of one alertname are one group,
# or of what PARLEY_GROUP_BY names.
. "$(dirname "$0")/lib.sh"

packages="prometheus-alertmanager openssl perl-base"
ports="HTTP"

configure() {
	cat >/state/alertmanager.yml <<-END
		route:
		  receiver: parley
		  group_by: [${PARLEY_GROUP_BY:-alertname}]
		  group_wait: 1s
		  group_interval: 1s
		  repeat_interval: 4h
		receivers:
		  - name: parley
		    webhook_configs:
		      - url: "${PARLEY_HOOK:?is where the webhook is}"
		        send_resolved: true
		        http_config:
		          authorization:
		            credentials: "${PARLEY_SECRET:?is what it is opened with}"
	END
}

run() {
	prometheus-alertmanager --config.file=/state/alertmanager.yml --storage.path=/state/data \
		--web.listen-address="127.0.0.1:$HTTP" --cluster.listen-address= >/state/alertmanager.log 2>&1 &
}

lib_main "$@"
