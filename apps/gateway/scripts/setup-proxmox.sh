#!/usr/bin/env bash
# Makes a read-only account for Lapwing on a Proxmox VE, Backup Server or Mail Gateway host, and registers the host.
# Everything is inside main, which the last line calls: a download that breaks off runs nothing.
main() {
  set -euo pipefail
  # These values are put in by the server that served this script.
  TYPE='@TYPE@'
  HOST='@HOST@'
  PULSE_URL='@PULSE_URL@'
  BACKUP_PERMS='@BACKUP_PERMS@'

  export LC_ALL=C
  PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
  made=''
  old_hash=''

  say() { printf 'lapwing: %s\n' "$1"; }
  fail() {
    printf 'lapwing: %s\n' "$1" >&2
    exit 1
  }
  wanted() { command -v "$1" >/dev/null || fail "$2 ($1 is missing)"; }

  is_url() { [[ "$1" =~ ^https?://[][A-Za-z0-9.:_-]+(/[A-Za-z0-9._/-]*)?$ ]]; }

  # A JSON string of $1.
  quoted() {
    local text="$1" backslash=$'\\' quote='"'
    text="${text//"$backslash"/"$backslash$backslash"}"
    text="${text//"$quote"/"$backslash$quote"}"
    printf '"%s"' "${text//[[:cntrl:]]/}"
  }

  # The text field $2 of the JSON object $1, or nothing. proxmox-backup-manager writes "Result: " before its object.
  # The perl of a Backup Server may be without JSON::PP.
  field() {
    printf '%s' "$1" | perl -MJSON::PP -e '
      local $/;
      my $text = <STDIN>;
      $text =~ s/^[^{]*//s;
      my ($object) = JSON::PP->new->utf8->decode_prefix($text);
      my $value = $object->{$ARGV[0]};
      exit 1 if !defined $value || ref $value;
      binmode STDOUT, ":utf8";
      print $value;' "$2" 2>/dev/null ||
      printf '%s' "$1" | tr -d '\n' | sed -n "s/.*\"$2\" *: *\"\([^\"]*\)\".*/\1/p"
  }

  # The ids of the tokens in the JSON list $1 that carry the comment $2, one on each line.
  ids_with_comment() {
    printf '%s' "$1" | perl -MJSON::PP -e '
      local $/;
      for my $token (@{ JSON::PP->new->utf8->decode(<STDIN>) }) {
        print "$token->{tokenid}\n" if ($token->{comment} // "") eq $ARGV[0];
      }' "$2" 2>/dev/null ||
      printf '%s' "$1" | tr -d '\n' | sed 's/}/}\n/g' | grep -F "\"$2\"" |
      sed -n 's/.*"tokenid" *: *"\([^"]*\)".*/\1/p' || true
  }

  list_tokens() {
    case "$TYPE" in
      pve) pveum user token list "$user" --output-format json ;;
      pbs) proxmox-backup-manager user list-tokens "$user" --output-format json ;;
    esac
  }

  remove_token() {
    case "$TYPE" in
      pve) pveum user token remove "$user" "$1" ;;
      pbs)
        proxmox-backup-manager acl update / Audit --delete true --auth-id "$user!$1" || true
        proxmox-backup-manager user delete-token "$user" "$1"
        ;;
    esac
  }

  # Whatever happens before the server has said yes, no credential stays that nobody uses.
  # shellcheck disable=SC2317 # the trap calls it
  undo() {
    if [ -z "$made" ]; then return; fi
    if [ "$TYPE" != pmg ]; then
      remove_token "$made" >/dev/null 2>&1 || true
    elif [ "$made" = user ]; then
      pmgsh delete "/access/users/$user" >/dev/null 2>&1 || true
    elif [ -n "$old_hash" ]; then
      pmgsh set "/access/users/$user" --crypt_pass "$old_hash" >/dev/null 2>&1 || true
    fi
  }

  body() {
    printf '{"type":%s,"host":%s,"serverName":%s' "$(quoted "$TYPE")" "$(quoted "$HOST")" "$(quoted "$node")"
    if [ -n "$fingerprint" ]; then printf ',"fingerprint":%s' "$(quoted "$fingerprint")"; fi
    printf ',"%s":%s,"%s":%s' "$id_field" "$(quoted "$id")" "$secret_field" "$(quoted "$secret")"
    printf ',"setupCode":%s}' "$(quoted "$code")"
  }

  # Nothing is changed before all of this is known to be right.
  port=8006
  case "$TYPE" in
    pve) realm=pam ;;
    pbs) realm=pbs port=8007 ;;
    pmg) realm=pmg ;;
    *) fail 'this script was not served by Lapwing' ;;
  esac
  user="pulse-monitor@$realm"
  if ! is_url "$PULSE_URL" || { [ -n "$HOST" ] && ! is_url "$HOST"; }; then
    fail 'this script was not served by Lapwing'
  fi
  PULSE_URL="${PULSE_URL%/}"
  [ "$(id -u)" -eq 0 ] || fail 'run this as root'
  case "$TYPE" in
    pve) wanted pveum 'this is no Proxmox VE host' ;;
    pbs) wanted proxmox-backup-manager 'this is no Proxmox Backup Server' ;;
    pmg) wanted pmgsh 'this is no Proxmox Mail Gateway' ;;
  esac
  wanted curl 'install curl first'

  code="${PULSE_SETUP_CODE:-}"
  unset PULSE_SETUP_CODE
  if [ -z "$code" ]; then
    # Standard input is this script.
    { printf 'Setup code: ' >/dev/tty && IFS= read -r code </dev/tty; } 2>/dev/null ||
      fail 'there is no terminal to ask for the setup code: set PULSE_SETUP_CODE'
  fi
  code="${code//[[:space:]]/}"
  code="${code^^}"
  [[ "$code" =~ ^[A-HJ-NP-Z2-9]{6}$ ]] || fail 'that is no setup code: it has 6 letters and digits, without I, O, 0 and 1'

  if [ -z "$HOST" ]; then
    address=''
    read -r address _ < <(hostname -I) || true
    [ -n "$address" ] || fail 'this host has no address of its own: make the script with the URL of the host'
    if [[ "$address" == *:* ]]; then address="[$address]"; fi
    HOST="https://$address:$port"
  fi
  node="$(uname -n)"
  node="${node%%.*}"
  if [[ "$PULSE_URL" == http://* && ! "$PULSE_URL" =~ ^http://(localhost|127\.|\[::1\]) ]]; then
    say "warning: $PULSE_URL is not encrypted; whoever is on the way can read the new credential"
  fi

  # The server's name as it may stand in the name of a token; long names are cut, and kept apart by a checksum.
  server="${PULSE_URL#*://}"
  server="${server%%/*}"
  if [[ "$server" =~ ^(.*):[0-9]+$ ]]; then server="${BASH_REMATCH[1]}"; fi
  server="${server#[}"
  server="${server%]}"
  server="${server//[^A-Za-z0-9]/-}"
  if [ "${#server}" -gt 46 ]; then server="${server:0:35}-$(printf '%s' "$server" | cksum | cut -d ' ' -f 1)"; fi
  token="pulse-$server-$(date +%s)"
  # The nodes of a cluster share their tokens: the comment tells for which of them a token was made.
  comment="Lapwing, for $HOST"
  comment="${comment:0:120}"
  id_field=tokenId secret_field=tokenValue id="$user!$token"
  trap undo EXIT

  case "$TYPE" in
    pve)
      privileges='Sys.Audit,VM.GuestAgent.Audit,VM.GuestAgent.FileRead'
      if [[ "$(pveversion)" =~ ^pve-manager/([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -lt 9 ]; then
        privileges='Sys.Audit,VM.Monitor'
      fi
      say "making the user $user and a token"
      pveum user modify "$user" --enable 1 >/dev/null 2>&1 || pveum user add "$user" --comment 'Lapwing'
      pveum role modify PulseMonitor --privs "$privileges" >/dev/null 2>&1 ||
        pveum role add PulseMonitor --privs "$privileges"
      pveum acl modify / --users "$user" --roles PVEAuditor,PulseMonitor
      if [ "$BACKUP_PERMS" = true ]; then pveum acl modify /storage --users "$user" --roles PVEDatastoreAdmin; fi
      made="$token"
      made_json="$(pveum user token add "$user" "$token" --privsep 0 --comment "$comment" --output-format json)"
      secret="$(field "$made_json" value)"
      ;;
    pbs)
      say "making the user $user and a token"
      proxmox-backup-manager user update "$user" --enable true >/dev/null 2>&1 ||
        proxmox-backup-manager user create "$user" --comment 'Lapwing'
      proxmox-backup-manager acl update / Audit --auth-id "$user"
      made="$token"
      made_json="$(proxmox-backup-manager user generate-token "$user" "$token" --comment "$comment")"
      secret="$(field "$made_json" value)"
      proxmox-backup-manager acl update / Audit --auth-id "$id"
      ;;
    pmg)
      # There are no API tokens. Only the hash of the password stands on a command line: others can list those.
      say "making the user $user"
      id_field=username secret_field=password id="$user"
      secret="$(head -c 30 /dev/urandom | base64 | tr '+/' 'ab')"
      salt="$(head -c 12 /dev/urandom | base64 | tr '+/' 'ab')"
      # shellcheck disable=SC2016
      hash="$(printf '%s\n%s\n' "$secret" "$salt" | perl -e 'chomp(my ($word, $salt) = <STDIN>); print crypt($word, "\$5\$$salt\$")')"
      [[ "$hash" =~ ^\$5\$[A-Za-z0-9./]+\$[A-Za-z0-9./]+$ ]] || fail 'this system makes no SHA-256 password hash'
      rights=(--role audit --enable 1 --expire 0)
      if pmgsh get "/access/users/$user" >/dev/null 2>&1; then
        old_hash="$(sed -n 's/^pulse-monitor@pmg:[^:]*:[^:]*:\([^:]*\):.*/\1/p' "${DESTDIR:-}/etc/pmg/user.conf" 2>/dev/null || true)"
        made=password
        pmgsh set "/access/users/$user" --crypt_pass "$hash" "${rights[@]}" >/dev/null
      else
        made=user
        pmgsh create /access/users --userid "$user" --crypt_pass "$hash" "${rights[@]}" >/dev/null
      fi
      ;;
  esac
  [ -n "$secret" ] || fail 'Proxmox told no token'

  # The certificate that Proxmox made itself lasts for years: the server pins it. One that an administrator put there may be renewed often.
  fingerprint=''
  case "$TYPE" in
    pve) certificate=/etc/pve/local/pve-ssl.pem other=/etc/pve/local/pveproxy-ssl.pem ;;
    pbs) certificate=/etc/proxmox-backup/proxy.pem other='' ;;
    pmg) certificate=/etc/pmg/pmg-api.pem other='' ;;
  esac
  if [ -r "${DESTDIR:-}$certificate" ] && { [ -z "$other" ] || [ ! -e "${DESTDIR:-}$other" ]; } && command -v openssl >/dev/null; then
    shown="$(openssl x509 -noout -fingerprint -sha256 -issuer -subject -in "${DESTDIR:-}$certificate" 2>/dev/null || true)"
    # Of PBS and PMG the file is the same for both kinds: only one that signed itself is Proxmox's own.
    if [ "$TYPE" = pve ] || [ "$(sed -n 's/^issuer=//p' <<<"$shown")" = "$(sed -n 's/^subject=//p' <<<"$shown")" ]; then
      fingerprint="$(sed -n 's/^.*[Ff]ingerprint=\([0-9A-F:]*\)$/\1/p' <<<"$shown")"
    fi
  fi

  say "registering $HOST at $PULSE_URL"
  # The body goes by standard input, for the same reason.
  answer="$(body | curl -sS --globoff --max-time 60 -H 'content-type: application/json' --data-binary @- \
    -w '\n%{http_code}' "$PULSE_URL/api/auto-register")" || fail "$PULSE_URL cannot be reached"
  status="${answer##*$'\n'}"
  if [[ "$status" != 2?? ]]; then
    reason="$(field "$answer" message)"
    if [ -z "$reason" ]; then reason="$(field "$answer" error)"; fi
    reason="${reason//[[:cntrl:]]/}"
    fail "the server refused: ${reason:0:300}${reason:+ }(status $status)"
  fi
  made=''

  if [ "$TYPE" != pmg ]; then
    tokens="$(list_tokens 2>/dev/null || true)"
    while IFS= read -r old; do
      old="${old##*!}"
      if [[ "$old" =~ ^pulse-"$server"-[0-9]+$ && "$old" != "$token" ]]; then
        remove_token "$old" >/dev/null 2>&1 || say "the old token $old could not be removed"
      fi
    done < <(ids_with_comment "$tokens" "$comment")
  fi
  say "$HOST is registered"
}

main "$@" </dev/null
