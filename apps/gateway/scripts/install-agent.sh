#!/usr/bin/env bash
# Installs the agent of Lapwing under systemd, or takes it away with --uninstall. Needs root and Node 20.19 or later.
# The values of the first three lines are put in by the server that served this script.
set -euo pipefail
mode='@MODE@'
url='@URL@'
sha256='@SHA256@'

token="${LAPWING_ENROLLMENT_TOKEN:-${PULSE_TOKEN:-}}"
agent_id="${LAPWING_AGENT_ID:-}"
interval=""
uninstall=0
allow_http=0
root="${DESTDIR:-}"

fail() { printf 'lapwing: %s\n' "$1" >&2; exit 1; }
say() { printf 'lapwing: %s\n' "$1"; }

usage() {
  cat <<'TEXT'
Options:
  --url URL          where Lapwing is (default: the server that served this script)
  --token TOKEN      Docker agent: an API token with agents:report and agents:view; host agent: an enrolment token.
                     Better by the environment, PULSE_TOKEN or LAPWING_ENROLLMENT_TOKEN: others can list arguments
  --agent-id ID      the agent's id (default: made of the host's name)
  --interval TIME    seconds between two samples or reports, e.g. 30 or 30s
  --allow-http       take a URL of another host that begins with http://
  --uninstall        stop the agent and remove it, with its settings and its key
TEXT
}

url="${LAPWING_URL:-$url}"
while [ $# -gt 0 ]; do
  case "$1" in
    --url) url="${2:?--url wants a value}"; shift 2 ;;
    --token) token="${2:?--token wants a value}"; shift 2 ;;
    --agent-id) agent_id="${2:?--agent-id wants a value}"; shift 2 ;;
    --interval) interval="${2:?--interval wants a value}"; shift 2 ;;
    --allow-http) allow_http=1; shift ;;
    --uninstall) uninstall=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "there is no option $1" ;;
  esac
done

case "$mode" in
  docker) name='lapwing-docker-agent' ;;
  host) name='lapwing-agent' ;;
  *) fail 'this script was not served by Lapwing' ;;
esac
unit="$root/etc/systemd/system/$name.service"
settings="$root/etc/lapwing/$name.env"
program="$root/opt/lapwing/$name.mjs"
data="/var/lib/$name"

systemd() {
  # Into a folder, and where systemd does not run, nothing is started.
  if [ -z "$root" ] && [ -d /run/systemd/system ]; then systemctl "$@"; fi
}

if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then fail 'run this as root'; fi

if [ "$uninstall" -eq 1 ]; then
  systemd disable --now "$name.service" || true
  rm -f "$unit" "$settings" "$program"
  rm -rf "$root$data"
  systemd daemon-reload
  say "$name is removed"
  exit 0
fi

# Whatever is written into files below consists of these characters alone.
[[ "$url" =~ ^https?://[A-Za-z0-9.:_/-]+$ || "$url" =~ ^https?://\[[0-9A-Fa-f:]+\](:[0-9]+)?$ ]] || fail 'the URL must be of the form https://host:port'
url="${url%/}"
[[ -z "$token" || "$token" =~ ^[A-Za-z0-9._~+/=-]+$ ]] || fail 'the token holds odd characters'
[[ -z "$agent_id" || "$agent_id" =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]] || fail 'the agent id must be 1 to 64 of the characters A-Z a-z 0-9 . _ -'
[[ "$agent_id" != pending && "$agent_id" != enroll ]] || fail "the agent id must not be $agent_id"
[[ -z "$interval" || "$interval" =~ ^[0-9]{1,5}s?$ ]] || fail 'the interval must be a number of seconds'
seconds="${interval%s}"
seconds="$((10#${seconds:-0}))"
if [ -n "$interval" ] && { [ "$seconds" -lt 1 ] || { [ "$mode" = host ] && [ "$seconds" -gt 300 ]; }; }; then
  fail 'the interval must be 1 to 300 seconds (a Docker agent may take longer)'
fi
[[ "$sha256" =~ ^[0-9a-f]{64}$ ]] || fail 'this script was not served by Lapwing'
if [[ "$url" == http://* && ! "$url" =~ ^http://(localhost|127\.|\[::1\]) && "$allow_http" -eq 0 ]]; then
  fail 'the URL begins with http://, so whoever is on the way can read and change everything: use https://, or --allow-http'
fi
if [ "$mode" = docker ] && [ -z "$token" ]; then fail 'the Docker agent wants an API token: --token TOKEN'; fi

node="$(command -v node || true)"
[ -n "$node" ] || fail 'Node.js 20.19 or later is missing: install it first (Debian and Ubuntu: the package nodejs of NodeSource or of Debian 13)'
"$node" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  fail "Node.js $("$node" --version) is too old: 20.19 or later is needed"

umask 077
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
say "fetching the agent from $url"
if [ "$mode" = docker ]; then
  # By a file: the arguments of a program can be read by everybody on this machine.
  printf 'header = "X-API-Token: %s"\n' "$token" >"$work/curl"
  curl -fsSL --max-time 120 --config "$work/curl" -o "$work/agent.mjs" "$url/download/pulse-docker-agent"
else
  curl -fsSL --max-time 120 -o "$work/agent.mjs" "$url/download/lapwing-agent.mjs"
fi
actual="$(sha256sum "$work/agent.mjs" | cut -d ' ' -f 1)"
[ "$actual" = "$sha256" ] || fail "the agent that was fetched is not the one that was announced (SHA-256 $actual instead of $sha256)"

mkdir -p "$(dirname "$unit")" "$(dirname "$settings")" "$(dirname "$program")"
chmod 755 "$(dirname "$program")"
install -m 755 "$work/agent.mjs" "$program"
# What is installed now runs, whatever version the agent had fetched by itself.
rm -rf "$root$data/program"

{
  if [ "$mode" = docker ]; then
    printf 'PULSE_URL=%s\nPULSE_TOKEN=%s\n' "$url" "$token"
    [ -z "$agent_id" ] || printf 'PULSE_AGENT_ID=%s\n' "$agent_id"
    [ -z "$interval" ] || printf 'PULSE_INTERVAL=%s\n' "$interval"
  else
    printf 'LAPWING_URL=%s\n' "$url"
    [ -z "$token" ] || printf 'LAPWING_ENROLLMENT_TOKEN=%s\n' "$token"
    [ -z "$agent_id" ] || printf 'COLLECTOR_AGENT_ID=%s\n' "$agent_id"
    [ -z "$interval" ] || printf 'COLLECTOR_INTERVAL=%s\n' "${interval%s}"
    [ "$allow_http" -eq 0 ] || printf 'LAPWING_ALLOW_HTTP=true\n'
    printf 'COLLECTOR_DATA_DIR=%s\n' "$data"
  fi
} >"$settings"
chmod 600 "$settings"

# An agent that changes its version ends with 75, and one whose version is bad with anything: it is always started again. The Docker agent
# ends with 0 when its server tells it to stop.
docker_only=''
restart='always'
if [ "$mode" = docker ]; then
  docker_only=' --docker-only'
  restart='on-failure'
fi
cat >"$unit" <<UNIT
[Unit]
Description=Agent of Lapwing
Wants=network-online.target
After=network-online.target docker.service

[Service]
EnvironmentFile=/etc/lapwing/$name.env
Environment=NODE_ENV=production MALLOC_ARENA_MAX=1 LAPWING_UNIT=$name.service
ExecStart=$node --lite-mode --max-old-space-size=128 /opt/lapwing/$name.mjs$docker_only
Restart=$restart
RestartSec=5
# It is started again when it takes too much.
MemoryMax=512M
TasksMax=256
UMask=0077

# It writes its data, and nothing else.
StateDirectory=$name
StateDirectoryMode=0700
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=true

# Root, for the files that it reads are root's, with three privileges of root: to read what belongs to others (logs), to see their
# processes where /proc hides them, and to send the signals that people send.
NoNewPrivileges=true
CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_SYS_PTRACE CAP_KILL
RestrictSUIDSGID=true
RestrictNamespaces=true
RestrictRealtime=true
LockPersonality=true
KeyringMode=private

# The kernel is read, never changed. The name of the host is not kept (ProtectHostname=): the agent tells when it changes.
ProtectKernelTunables=true
ProtectKernelModules=true
ProtectKernelLogs=true
ProtectControlGroups=true
ProtectClock=true
# No disks; NVIDIA's cards tell their figures by their devices.
DevicePolicy=closed
DeviceAllow=char-nvidia* rw

# AF_NETLINK: that is how the addresses of a host are asked for.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
# MemoryDenyWriteExecute= cannot be set: Node makes machine code.

[Install]
WantedBy=multi-user.target
UNIT
chmod 644 "$unit"

systemd daemon-reload
systemd enable "$name.service"
systemd restart "$name.service"
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
  sleep 3
  if ! systemctl is-active --quiet "$name.service" || [ "$(systemctl show -p NRestarts --value "$name.service")" != 0 ]; then
    fail "$name is installed and does not run; see why with: journalctl -u $name"
  fi
fi
say "$name is installed"
if [ "$mode" = host ] && [ -z "$token" ]; then say 'it waits to be approved in Lapwing'; fi
