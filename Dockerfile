# The images of Lapwing: `lapwing` for all services and tools, `lapwing-agent` for hosts. What they hold below /app is the tree of a release
# (deploy/release), without PostgreSQL. docker-compose.yml builds both; by hand:
#   docker build --target lapwing --build-arg LAPWING_VERSION=1.2.3 -t lapwing:1.2.3 .
#   docker build --target lapwing-agent --build-arg LAPWING_VERSION=1.2.3 -t lapwing-agent:1.2.3 .

# The files that say which packages there are, alone: what is made of them below stays in the cache until one of them changes.
FROM node:22.21.1-bookworm-slim AS manifests
WORKDIR /source
COPY . .
RUN mkdir /manifests && find . -name package.json -exec cp --parents {} /manifests \; && cp package-lock.json /manifests

# Packages with native code are those of the image's platform, since they are installed here.
FROM node:22.21.1-bookworm-slim AS build
WORKDIR /source
COPY --from=manifests /manifests ./
COPY deploy/local/install.mjs deploy/local/options.mjs deploy/local/steps.mjs deploy/local/
RUN --mount=type=cache,target=/root/.npm \
    node --input-type=module -e "import { installPackages } from './deploy/local/install.mjs'; installPackages();"
COPY . .
ARG LAPWING_VERSION
# Whose releases and agents are believed by what is made here, public keys ("ed25519:…") separated by spaces, and where they are.
ARG LAPWING_TRUSTED_KEYS=""
ARG LAPWING_FEED_URL=""
# With `--secret id=release-key,src=FILE` the agent is signed, so that agents update themselves to the one of this image.
RUN --mount=type=secret,id=release-key,mode=0400 \
    set -- stage --version "${LAPWING_VERSION:?say which, with --build-arg LAPWING_VERSION=1.2.3}" --to /release --without-postgres; \
    for key in $LAPWING_TRUSTED_KEYS; do set -- "$@" --trust "$key"; done; \
    if [ -n "$LAPWING_FEED_URL" ]; then set -- "$@" --feed-url "$LAPWING_FEED_URL"; fi; \
    if [ -s /run/secrets/release-key ]; then set -- "$@" --key /run/secrets/release-key; fi; \
    node deploy/release/cli.mjs "$@"

# Node and nothing that installs or compiles. The folders are where volumes go: an empty volume takes its owner from the image.
FROM node:22.21.1-bookworm-slim AS runtime
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-* /usr/local/bin/yarn* \
    && groupadd --gid 10001 lapwing \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin lapwing \
    && services="alerting auth fleet gateway log-store metrics-store poller settings updates" \
    && for name in keys nats nats-auth authority secret-key $(printf 'bus-%s ' $services); do install -d -m 700 -o 10001 -g 10001 "/volumes/$name"; done \
    && install -d -m 700 -o 10001 -g 10001 /var/lib/lapwing/settings /var/lib/lapwing/updates \
    # The agent of a host is its root, without the power over files of others.
    && install -d -m 700 /var/lib/lapwing/agent
ENV NODE_ENV=production
WORKDIR /app
ENTRYPOINT []
USER 10001:10001

FROM runtime AS lapwing-agent
ARG LAPWING_VERSION
LABEL org.opencontainers.image.title="lapwing-agent" \
      org.opencontainers.image.description="Watches the machine it runs on, for Lapwing" \
      org.opencontainers.image.version="$LAPWING_VERSION" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV MALLOC_ARENA_MAX=1
COPY --from=build /release/LICENSE /release/deploy/docker/healthcheck.mjs /release/apps/collector/dist/agent/ ./
USER 10001:10001
CMD ["node", "--lite-mode", "--max-old-space-size=128", "/app/lapwing-agent.mjs"]

# What is built when no target is named.
FROM runtime AS lapwing
ARG LAPWING_VERSION
LABEL org.opencontainers.image.title="lapwing" \
      org.opencontainers.image.description="All services and tools of Lapwing; the command says which" \
      org.opencontainers.image.version="$LAPWING_VERSION" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /release ./
USER 10001:10001
CMD ["node", "apps/gateway/dist/main.js"]
