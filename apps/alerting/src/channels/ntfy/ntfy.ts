import type { AlertMessage } from '../../domain/message.js';
import { mergeHeaders, type WebhookPart, type WebhookService } from '../webhook-channel.js';
import { isOver, titleOf } from '../wording.js';

/** A line of a header holds so many bytes of UTF-8: encoded words are 75 characters long at most. */
const WORD_BYTES = 45;

/** Text for a header: as it is when it is ASCII, otherwise as encoded words. Source: RFC 2047. */
export function headerText(text: string): string {
  const line = text.replace(/\p{Cc}+/gu, ' ').trim();
  if (/^[\x20-\x7e]*$/.test(line)) return line;
  const words: string[] = [];
  let word = '';
  for (const character of line) {
    if (Buffer.byteLength(word + character) > WORD_BYTES) {
      words.push(word);
      word = '';
    }
    word += character;
  }
  return [...words, word].map((part) => `=?UTF-8?B?${Buffer.from(part).toString('base64')}?=`).join(' ');
}

function looksOf({ kind, alerts }: AlertMessage): { priority: string; tags: string } {
  if (kind === 'test') return { priority: '3', tags: 'bell' };
  if (alerts.every((alert) => isOver(alert, kind))) return { priority: '3', tags: 'white_check_mark' };
  if (alerts.some(({ level }) => level === 'critical')) return { priority: '5', tags: 'rotating_light' };
  return { priority: '4', tags: 'warning' };
}

function withHeaders(part: WebhookPart): WebhookPart[] {
  const { priority, tags } = looksOf(part.message);
  const headers = { title: headerText(titleOf(part.message)), priority, tags };
  return [{ ...part, headers: mergeHeaders(headers, part.headers) }];
}

/** Source: ntfy, "Publishing". */
export const ntfy: WebhookService = {
  service: 'ntfy',
  name: 'ntfy',
  urlPattern: 'https://ntfy.sh/{topic}',
  method: 'POST',
  headers: {},
  contentType: 'text/plain; charset=utf-8',
  payloadTemplate: `{{.Text}}{{if .Instance}}

{{.Instance}}{{end}}`,
  instructions:
    'Choose a topic that nobody can guess and subscribe to it in the app. For a protected topic add a header Authorization with "Bearer" and a token.',
  prepare: withHeaders,
};
