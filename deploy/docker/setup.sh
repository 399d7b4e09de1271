#!/bin/sh
# Makes .env out of .env.example, with secrets that nobody else knows. Run again it keeps all that stands there, fills in secrets that are
# empty, and adds settings that a new version has. `sh deploy/docker/setup.sh [FOLDER]`: the folder of docker-compose.yml, by default this one's.
set -eu
umask 077

folder=${1:-$(dirname -- "$0")/../..}
cd -- "$folder"
[ -f .env.example ] || { echo "there is no .env.example in $folder" >&2; exit 1; }

# 32 letters and digits: what fits into addresses as it is.
secret() {
  LC_ALL=C tr -dc 'A-Za-z0-9' < /dev/urandom | dd bs=32 count=1 2> /dev/null
}

new=.env.$$
trap 'rm -f "$new"' EXIT
made=
if [ -f .env ]; then
  cp .env "$new"
  # What is added must not go on in a last line that has no end.
  [ -z "$(tail -c 1 "$new")" ] || echo >> "$new"
  sed -n 's/^\([A-Z][A-Z0-9_]*\)=.*/\1/p' .env.example | while read -r name; do
    grep -q "^$name=" "$new" || grep "^$name=" .env.example >> "$new"
  done
else
  cp .env.example "$new"
fi
for name in POSTGRES_PASSWORD REDIS_PASSWORD LAPWING_ADMIN_PASSWORD GRAFANA_PASSWORD; do
  if grep -q "^$name=\$" "$new"; then
    value=$(secret)
    [ "${#value}" -eq 32 ] || { echo "/dev/urandom gives nothing" >&2; exit 1; }
    sed "s/^$name=\$/$name=$value/" "$new" > "$new.next"
    mv "$new.next" "$new"
    made="$made $name"
  fi
done
if grep -q '^COLLECTOR_AGENT_ID=$' "$new" && host=$(uname -n) && [ -n "$host" ]; then
  host=$(printf '%s' "$host" | LC_ALL=C tr -c 'A-Za-z0-9_-' '-')
  sed "s/^COLLECTOR_AGENT_ID=\$/COLLECTOR_AGENT_ID=$host/" "$new" > "$new.next"
  mv "$new.next" "$new"
fi
chmod 600 "$new"
cmp -s "$new" .env || mv "$new" .env

if [ -n "$made" ]; then echo "made in .env:$made"; else echo "all secrets were in .env already"; fi
cat << 'NEXT'
next:
  docker compose build                # or name images of a registry: LAPWING_IMAGE and LAPWING_AGENT_IMAGE in .env
  docker compose up -d --wait
  curl http://127.0.0.1:8080/health
log in as "admin", with LAPWING_ADMIN_PASSWORD of .env
NEXT
