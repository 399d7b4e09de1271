#!/usr/bin/env bash
# Installs Lapwing as a service of systemd, out of the unpacked release that this script is part of. Needs root and Node 20.19 or later, and
# no network. Done again it changes nothing; out of a newer release it upgrades. With DESTDIR it puts the files there, and starts nothing.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
release="$(cd "$here/../.." && pwd)"
root="${DESTDIR:-}"
# Below it: /opt/lapwing itself holds what an agent runs as root, and must not be writable to the server.
place='/opt/lapwing/server'
unit="$root/etc/systemd/system/lapwing.service"
settings="$root/etc/lapwing/lapwing.env"
users="$root/etc/sysusers.d/lapwing.conf"
start=1
allow_older=0

fail() { printf 'lapwing: %s\n' "$1" >&2; exit 1; }
say() { printf 'lapwing: %s\n' "$1"; }

usage() {
  cat <<'TEXT'
Options:
  --no-start      install, and neither enable nor start it
  --allow-older   put an older release in place of a newer one
TEXT
}

while [ $# -gt 0 ]; do
  case "$1" in
    --no-start) start=0; shift ;;
    --allow-older) allow_older=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "there is no option $1" ;;
  esac
done

check_machine() {
  [[ -z "$root" || "$root" == /* ]] || fail 'DESTDIR must be an absolute path'
  [ -f "$release/release.json" ] || fail "$release is no unpacked release: it has no release.json"
  node="$(command -v node || true)"
  [ -n "$node" ] || fail 'Node.js 20.19 or later is missing: install it first (Debian and Ubuntu: the package nodejs of NodeSource or of Debian 13)'
  # A unit splits at blanks and takes % for its own.
  [[ "$node" =~ ^/[A-Za-z0-9._/+-]+$ ]] || fail "systemd cannot start Node.js from $node: install it in another folder"
  "$node" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    fail "Node.js $("$node" --version) is too old: 20.19 or later is needed"
  [ -z "$root" ] || return 0
  [ "$(id -u)" -eq 0 ] || fail 'run this as root'
  [ -d /run/systemd/system ] || fail 'systemd does not run here: start guard/guard.mjs under whatever does, see docs/updates.md'
}

# Prints 1 when version $1 is newer than $2, and 0 otherwise. A candidate is older than what it is a candidate for.
is_newer() {
  "$node" -e '
    const parts = (text) => { const [core, ...rest] = text.split("-"); return [core.split(".").map(Number), rest.join("-")]; };
    const [[a, before], [b, after]] = process.argv.slice(1).map(parts);
    const core = a.map((number, index) => number - b[index]).find((difference) => difference !== 0) ?? 0;
    const candidates = before === after ? 0 : before === "" ? 1 : after === "" ? -1 : before.localeCompare(after, "en", { numeric: true });
    console.log((core || candidates) > 0 ? 1 : 0);
  ' "$1" "$2"
}

check_version() {
  version="$("$node" -p 'JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).version' "$release/release.json")"
  before="$(basename "$(readlink "$root$place/current" 2>/dev/null || true)")"
  if [ -n "$before" ] && [ "$allow_older" -eq 0 ] && [ "$(is_newer "$before" "$version")" = 1 ]; then
    fail "$before is installed, which is newer than $version; --allow-older puts $version in its place"
  fi
}

# The value of setting $1, or $2 where it is not set.
setting() {
  local value=''
  [ ! -f "$settings" ] || value="$(sed -n "s/^$1=[\"']\{0,1\}\([^\"']*\)[\"']\{0,1\}\$/\1/p" "$settings" | tail -n 1)"
  printf '%s' "${value:-$2}"
}

check_port() {
  if [ -n "$root" ] || [ "$start" -eq 0 ] || systemctl is-active --quiet lapwing.service; then return 0; fi
  local host port
  host="$(setting HOST 127.0.0.1)"
  port="$(setting PORT 8080)"
  "$node" -e '
    const server = require("net").createServer();
    server.once("error", ({ code }) => { console.error(code); process.exit(1); });
    server.listen(Number(process.argv[2]), process.argv[1], () => server.close());
  ' "$host" "$port" 2>/dev/null ||
    fail "Lapwing cannot listen on port $port of $host, most likely because something else does: stop that, or set PORT in /etc/lapwing/lapwing.env"
}

# Puts $1 at $2 with mode $3; remembers whether that changed anything.
changed=0
put() {
  if [ -f "$2" ] && cmp -s "$1" "$2"; then return 0; fi
  mkdir -p "$(dirname "$2")"
  install -m "$3" "$1" "$2"
  changed=1
}

make_user() {
  put "$here/lapwing.sysusers.conf" "$users" 644
  [ -z "$root" ] || return 0
  if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers "$users"
  elif ! id -u lapwing >/dev/null 2>&1; then
    useradd --system --user-group --home-dir /var/lib/lapwing --shell /usr/sbin/nologin lapwing
    usermod -aG systemd-journal,adm lapwing
  fi
  setpriv --reuid lapwing --regid lapwing --init-groups "$node" --version >/dev/null 2>&1 ||
    fail "the user lapwing cannot run $node: install Node.js where everybody can, e.g. in /usr/bin"
}

# Runs something as the user of the service.
as_server() {
  if [ -n "$root" ]; then "$@"; else setpriv --reuid lapwing --regid lapwing --init-groups -- "$@"; fi
}

# It updates itself, so all of its folder is its own, and root follows nothing there: what lies below it may be a link to anywhere. Outside lies
# what root runs.
install_release() {
  local work="$root$place/.unpacked"
  mkdir -p "$root$place"
  [ -n "$root" ] || chown lapwing:lapwing "$place"
  as_server rm -rf "$work"
  as_server mkdir "$work"
  tar -C "$release" -cf - . | as_server tar -C "$work" --no-same-owner -xf -
  (cd / && as_server "$node" "$work/deploy/guard/install.mjs" --to "$root$place" >/dev/null)
  as_server rm -rf "$work"
  [ "$before" = "$version" ] || changed=1
  put "$here/uninstall.sh" "$root/opt/lapwing/uninstall-server.sh" 755
}

install_settings() {
  mkdir -p "$root/etc/lapwing"
  # An agent may have made it for itself alone.
  chmod 755 "$root/etc/lapwing"
  if [ -e "$settings" ]; then return 0; fi
  install -m 640 "$here/lapwing.env" "$settings"
  [ -n "$root" ] || chgrp lapwing "$settings"
}

install_unit() {
  local work
  work="$(mktemp)"
  sed "s|@NODE@|$node|" "$here/lapwing.service" >"$work"
  put "$work" "$unit" 644
  rm -f "$work"
}

start_service() {
  if [ -n "$root" ]; then say "$version is put into $root"; return 0; fi
  systemctl daemon-reload
  if [ "$start" -eq 0 ]; then say "$version is installed; start it with: systemctl enable --now lapwing"; return 0; fi
  systemctl enable --quiet lapwing.service
  if [ "$changed" -eq 0 ] && systemctl is-active --quiet lapwing.service; then
    say "$version is installed already and runs"
    return 0
  fi
  systemctl restart lapwing.service
  await_answer
}

restarts() { systemctl show -p NRestarts --value lapwing.service; }

# The first start makes the database and takes about half a minute.
await_answer() {
  local host port url starts
  starts="$(restarts)"
  host="$(setting HOST 127.0.0.1)"
  port="$(setting PORT 8080)"
  case "$host" in 0.0.0.0) host=127.0.0.1 ;; ::) host='[::1]' ;; *:*) host="[$host]" ;; esac
  url="http://$host:$port"
  for _ in $(seq 90); do
    if "$node" -e 'fetch(process.argv[1]).then(({ status }) => process.exit(status === 200 ? 0 : 1), () => process.exit(1))' \
      "$url/api/system/health/ready" 2>/dev/null; then
      say "$version is installed and runs: $url/api/docs"
      say 'the first login is admin; its password is in /var/lib/lapwing/admin-password'
      return 0
    fi
    if [ "$(restarts)" != "$starts" ]; then break; fi
    sleep 1
  done
  fail "$version is installed and is not ready; see why with: journalctl -u lapwing"
}

umask 022
check_machine
check_version
check_port
make_user
install_release
install_settings
install_unit
start_service
