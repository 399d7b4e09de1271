#!/usr/bin/env bash
# Takes Lapwing away, and leaves its data, its settings and its backups; with --purge it takes those, too. Needs root.
# Everything is inside main, which the last line calls: this file is one of those that are removed.
main() {
  set -euo pipefail
  root="${DESTDIR:-}"
  place="$root/opt/lapwing/server"
  data="$root/var/lib/lapwing"
  settings="$root/etc/lapwing/lapwing.env"
  unit="$root/etc/systemd/system/lapwing.service"
  purge=0

  fail() { printf 'lapwing: %s\n' "$1" >&2; exit 1; }
  say() { printf 'lapwing: %s\n' "$1"; }

  case "${1:-}" in
    '') ;;
    --purge) purge=1 ;;
    -h | --help) printf 'Options:\n  --purge   remove data, settings, backups and the user, too\n'; exit 0 ;;
    *) fail "there is no option $1" ;;
  esac
  [ $# -le 1 ] || fail "there is no option $2"
  [[ -z "$root" || "$root" == /* ]] || fail 'DESTDIR must be an absolute path'
  if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then fail 'run this as root'; fi

  runs_here() { [ -z "$root" ] && [ -d /run/systemd/system ]; }
  # A folder is removed when nothing is in it.
  tidy() { rmdir "$@" 2>/dev/null || true; }
  # What the service may write, its user removes: below it may be links to anywhere, and root follows none.
  as_server() {
    if [ -z "$root" ] && id -u lapwing >/dev/null 2>&1; then
      (cd / && setpriv --reuid lapwing --regid lapwing --init-groups -- "$@")
    else
      "$@"
    fi
  }

  if runs_here && [ -e "$unit" ]; then systemctl disable --quiet --now lapwing.service; fi
  rm -f "$unit"
  if runs_here; then
    systemctl daemon-reload
    systemctl reset-failed lapwing.service 2>/dev/null || true
  fi

  other="$([ ! -f "$settings" ] || sed -n 's/^LAPWING_DATA_DIR=//p' "$settings" | tail -n 1)"
  as_server rm -rf "$place/releases" "$place/guard" "$place/updates/archives" "$place/.current.new" "$place/.unpacked" &&
    as_server rm -f "$place/current" "$place/journal.json" "$place/.reserve" ||
    say "not all could be removed from $place: something is there that does not belong to the service"
  as_server rmdir "$place/updates/backups" "$place/updates" 2>/dev/null || true
  rm -f "$root/etc/sysusers.d/lapwing.conf"
  if [ "$purge" -eq 1 ]; then
    rm -rf "$place" "$data"
    rm -f "$settings"
    tidy "$root/etc/lapwing"
    if [ -z "$root" ] && id -u lapwing >/dev/null 2>&1; then userdel lapwing; fi
  fi
  rm -f "$root/opt/lapwing/uninstall-server.sh"
  tidy "$place" "$root/opt/lapwing"

  say 'Lapwing is removed'
  for kept in "$data" "$settings" "$place" "${other:+$root$other}"; do
    if [ -n "$kept" ] && [ -e "$kept" ]; then say "left: $kept"; fi
  done
  if [ "$purge" -eq 0 ]; then say 'left: the user lapwing; --purge removes all of this'; fi
}

main "$@"
exit
