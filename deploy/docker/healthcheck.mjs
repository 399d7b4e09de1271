// `node deploy/docker/healthcheck.mjs URL`: ends with 0 when what is there answers with 2xx, else with 1. Slim images hold no curl.
import http from 'node:http';

/** Less than the patience of whoever asks, so that the reason is told. */
const PATIENCE_MS = 4000;

const [url = ''] = process.argv.slice(2);

/** @param {string} reason */
function unhealthy(reason) {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}

try {
  const request = http.get(url, { timeout: PATIENCE_MS }, (response) => {
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) process.exit(0);
    unhealthy(`${url} answers with ${status}`);
  });
  request.on('timeout', () => unhealthy(`${url} does not answer within ${PATIENCE_MS} ms`));
  request.on('error', (error) => unhealthy(`${url}: ${error.message}`));
} catch {
  unhealthy(`usage: node deploy/docker/healthcheck.mjs http://HOST:PORT/PATH, not "${url}"`);
}
