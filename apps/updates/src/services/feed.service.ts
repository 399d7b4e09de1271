import { LapwingError, ReleaseChannel, type DeploymentType, type Release, type UpdateCheck } from '@lapwing/contracts';
import { OutgoingError, outgoing, type Reach } from '@lapwing/outgoing';
import { SigningError, verifyEnvelope } from '@lapwing/signing';
import { createLogger, describeError } from '@lapwing/telemetry';
import { createHash } from 'node:crypto';
import {
  FEED_STATEMENT,
  Feed,
  MAX_FEED_BYTES,
  feedProblem,
  notBefore,
  type FeedMark,
  type FeedRelease,
} from '../domain/feed.js';
import { planOf } from '../domain/deployment.js';
import { isNewer, newestOf } from '../domain/version.js';
import type { FeedStore, KnownFeed } from '../store/feed.store.js';

/** See {@link FeedService}. */
export interface FeedOptions {
  /** The folder of the feed; undefined where none is configured. */
  url: string | undefined;
  /** The channel that is set at present. */
  channel: () => ReleaseChannel;
  trustedKeys: readonly string[];
  reach: Reach;
  http: boolean;
  version: string;
  platform: string;
  deploymentType: DeploymentType;
  /** Where releases are installed; undefined where they are not. */
  installFolder: string | undefined;
  now?: () => number;
}

const DEADLINE_MS = 15_000;
const FRESH_MS = 6 * 3_600_000;
/** What failed is not tried again at once, however often somebody asks. */
const FAILED_MS = 60_000;
const NOT_CONFIGURED = 'no feed of releases is configured: set UPDATES_FEED_URL and UPDATES_TRUSTED_KEYS';

/** Knows which releases there are: reads the signed feed, and believes nothing else. */
export class FeedService {
  readonly #log = createLogger('updates', 'feed');
  readonly #asking = new Map<string, Promise<KnownFeed>>();
  readonly #failed = new Map<ReleaseChannel, { at: number; error: LapwingError }>();
  readonly #now: () => number;

  constructor(
    private readonly store: FeedStore,
    private readonly options: FeedOptions,
  ) {
    this.#now = options.now ?? Date.now;
  }

  /** The channel that is set. */
  get channel(): ReleaseChannel {
    return this.options.channel();
  }

  /** The channels whose feed has just failed, and is not asked again before that time. */
  failing(): { channel: ReleaseChannel; at: number; retryAt: number; code: string }[] {
    const now = this.#now();
    return [...this.#failed].flatMap(([channel, { at, error }]) =>
      now - at < FAILED_MS ? [{ channel, at, retryAt: at + FAILED_MS, code: error.code }] : [],
    );
  }

  /** Looks for a newer release; what was read in the last six hours is good enough, unless `force` is set. */
  async check(channel: ReleaseChannel = this.channel, force = false): Promise<UpdateCheck> {
    const { version: currentVersion, deploymentType } = this.options;
    const known = { currentVersion, channel, deploymentType };
    if (!this.#isConfigured)
      return { ...known, release: null, updateAvailable: false, checkedAt: null, problem: NOT_CONFIGURED };
    const { feed, checkedAt } = await this.#feed(channel, force);
    const isOld = Math.abs(this.#now() - checkedAt) >= FRESH_MS;
    const problem = isOld ? 'the feed cannot be reached at present: this is what it said last' : null;
    const release = newestOf(this.#releases(feed)) ?? null;
    const updateAvailable = release !== null && isNewer(release.version, currentVersion);
    return { ...known, release, updateAvailable, checkedAt, problem };
  }

  /**
   * A release of the channel, for this platform.
   * @param version the newest when it is missing.
   * @throws LapwingError `UPDATE_NOT_AVAILABLE` without a feed or a release of it, `NOT_FOUND` for a version that it does not have.
   */
  async release(channel: ReleaseChannel = this.channel, version?: string): Promise<Release> {
    if (!this.#isConfigured) throw new LapwingError('UPDATE_NOT_AVAILABLE', NOT_CONFIGURED);
    const { feed } = await this.#feed(channel, false);
    const releases = this.#releases(feed);
    if (version === undefined) {
      const newest = newestOf(releases);
      if (newest) return newest;
      throw new LapwingError(
        'UPDATE_NOT_AVAILABLE',
        `the channel "${channel}" has no release for ${this.options.platform}`,
      );
    }
    const named = releases.find((release) => release.version === version);
    if (named) return named;
    const platforms = feed.releases.filter((release) => release.version === version).map(({ platform }) => platform);
    const hint =
      platforms.length > 0 ? `; it is there for ${platforms.join(', ')}, this is ${this.options.platform}` : '';
    throw new LapwingError('NOT_FOUND', `the channel "${channel}" has no release ${version}${hint}`);
  }

  /**
   * The release whose archive is at a URL, of whichever channel.
   * @throws LapwingError `INVALID_INPUT` for a URL that no verified feed names.
   */
  async releaseAt(url: string, version: string | undefined): Promise<Release> {
    const wanted = (release: Release): boolean =>
      release.url === url && (version === undefined || release.version === version);
    if (!this.#isConfigured) throw new LapwingError('UPDATE_NOT_AVAILABLE', NOT_CONFIGURED);
    const others = ReleaseChannel.options.filter((other) => other !== this.channel);
    for (const channel of [this.channel, ...others]) {
      const found = await this.#feed(channel, false).catch((error: unknown) => {
        if (channel === this.channel) throw error;
        return undefined;
      });
      const release = found && this.#releases(found.feed).find(wanted);
      if (release) return release;
    }
    throw new LapwingError(
      'INVALID_INPUT',
      '"downloadUrl" must be one that the verified feed names: see GET /api/updates/check',
    );
  }

  /** The commands that bring this deployment to a version. `NOT_FOUND` for one that the feed does not have. */
  async plan(version: string, channel: ReleaseChannel = this.channel) {
    const { deploymentType, platform, version: current, installFolder } = this.options;
    const release = this.#isConfigured && version !== current ? await this.release(channel, version) : undefined;
    if (!release && version !== current)
      throw new LapwingError('NOT_FOUND', `nothing is known of a release ${version}: ${NOT_CONFIGURED}`);
    const steps =
      version === current
        ? []
        : planOf(deploymentType, { version, channel, platform, archive: release, installFolder });
    return { version, channel, deploymentType, canApply: deploymentType === 'systemd', steps };
  }

  get #isConfigured(): boolean {
    return this.options.url !== undefined;
  }

  /** Several who ask at once get one answer. */
  #feed(channel: ReleaseChannel, force: boolean): Promise<KnownFeed> {
    const key = `${channel} ${force}`;
    const running = this.#asking.get(key);
    if (running) return running;
    const asked = this.#fresh(channel, force).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return asked;
  }

  async #fresh(channel: ReleaseChannel, force: boolean): Promise<KnownFeed> {
    const seen = await this.store.find(channel);
    const known = seen?.feed && { ...seen, feed: seen.feed };
    const isFresh = known && Math.abs(this.#now() - known.checkedAt) < FRESH_MS && this.#lasts(known);
    if (isFresh && !force) return known;
    const failed = this.#failed.get(channel);
    if (failed && !force && this.#now() - failed.at < FAILED_MS && this.#now() >= failed.at) throw failed.error;
    try {
      const fetched = await this.#fetch(channel, seen);
      this.#failed.delete(channel);
      return fetched;
    } catch (error) {
      if (error instanceof LapwingError) this.#failed.set(channel, { at: this.#now(), error });
      // What was believed lately is better than nothing, as long as it has not expired; its age is told.
      const isAway = error instanceof LapwingError && error.code === 'UPDATE_FEED_UNREACHABLE';
      if (isAway && !force && known && this.#lasts(known)) return known;
      throw error;
    }
  }

  #lasts({ feed, issuedAt }: KnownFeed): boolean {
    return Date.parse(feed.expiresAt) > notBefore(this.#now(), issuedAt);
  }

  async #fetch(channel: ReleaseChannel, seen: FeedMark | undefined): Promise<KnownFeed> {
    const text = await this.#text(channel);
    const feed = this.#believed(text);
    // Of what was signed, and not of what this version understands of it.
    const { payload } = JSON.parse(text) as { payload: string };
    const digest = createHash('sha256').update(payload).digest('hex');
    const problem = feedProblem(feed, digest, { channel, seen, now: this.#now() });
    if (problem) throw this.#unbelievable(problem);
    const known = {
      feed,
      digest,
      sequence: feed.sequence,
      issuedAt: Date.parse(feed.issuedAt),
      checkedAt: this.#now(),
    };
    if (!(await this.store.put(known))) throw this.#unbelievable('a newer feed was seen meanwhile');
    return known;
  }

  async #text(channel: ReleaseChannel): Promise<string> {
    const { url = '', reach, http } = this.options;
    try {
      const ask = outgoing({ reach, http, deadlineMs: DEADLINE_MS, maxBytes: MAX_FEED_BYTES });
      const answer = await ask(besides(url, `${channel}.json`));
      if (answer.status === 200) return await answer.text();
      throw new OutgoingError(`the server answers with status ${answer.status}`);
    } catch (error) {
      const reason = reasonOf(error);
      this.#log.warn({ error: describeError(error), channel }, 'the feed could not be fetched');
      if (reason === TOO_LARGE) throw this.#unbelievable(`it is larger than ${MAX_FEED_BYTES} bytes`);
      throw new LapwingError('UPDATE_FEED_UNREACHABLE', `the feed of releases cannot be reached: ${reason}`);
    }
  }

  #believed(text: string): Feed {
    try {
      return verifyEnvelope(text, FEED_STATEMENT, Feed, this.options.trustedKeys);
    } catch (error) {
      if (error instanceof SigningError) throw this.#unbelievable(error.message);
      throw error;
    }
  }

  #unbelievable(reason: string): LapwingError {
    this.#log.warn({ reason }, 'the feed is not believed');
    return new LapwingError('UPDATE_FEED_INVALID', `the feed of releases is not believed: ${reason}`);
  }

  #releases({ releases, channel }: Feed): Release[] {
    const { platform, url = '' } = this.options;
    return releases
      .filter((release) => release.platform === platform)
      .map((release) => described(release, channel, url));
  }
}

const TOO_LARGE = 'too large';

function described(release: FeedRelease, channel: ReleaseChannel, url: string): Release {
  const { version, platform, notes, size, sha256, file, releasedAt } = release;
  return {
    version,
    channel,
    platform,
    notes,
    size,
    sha256,
    releasedAt: Date.parse(releasedAt),
    url: besides(url, file),
  };
}

/** A file in the folder of the feed. */
function besides(folder: string, file: string): string {
  const url = new URL(folder);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${file}`;
  return url.href;
}

function reasonOf(error: unknown): string {
  if (error instanceof OutgoingError) return error.message;
  const { cause, name } = error as { cause?: unknown; name?: string };
  const { code } = (cause ?? error) as { code?: unknown };
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return TOO_LARGE;
  if (cause instanceof OutgoingError) return cause.message;
  return name === 'TimeoutError' ? 'the server takes too long' : 'the connection failed';
}
