const MAX_HOPS = 12;

/** A browser as far as logins need one: it keeps cookies, a jar for each host, and follows redirects. */
export class Browser {
  readonly #jars = new Map<string, Map<string, string>>();

  /** Gives it a cookie of a site. */
  setCookie(site: string, name: string, value: string): void {
    this.#jar(site).set(name, value);
  }

  /** The cookies of a site, as a browser would send them. */
  cookies(site: string): string {
    return [...this.#jar(site)].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** Gets a page without following where it leads. */
  async get(url: string): Promise<Response> {
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie: this.cookies(url) } });
    for (const set of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      const isGone = /expires=Thu, 01 Jan 1970/i.test(set);
      if (name && isGone) this.#jar(url).delete(name);
      else if (name) this.#jar(url).set(name, value ?? '');
    }
    return answer;
  }

  /**
   * Follows redirects until one leads to an address that begins so, or to a page.
   * @returns that address, or that of the page.
   */
  async follow(url: string, until: string): Promise<string> {
    for (let hops = 0; hops < MAX_HOPS; hops++) {
      if (url.startsWith(until)) return url;
      const location = (await this.get(url)).headers.get('location');
      if (!location) return url;
      url = new URL(location, url).href;
    }
    throw new Error(`more than ${MAX_HOPS} redirects`);
  }

  #jar(site: string): Map<string, string> {
    const { host } = new URL(site);
    const jar = this.#jars.get(host) ?? new Map<string, string>();
    this.#jars.set(host, jar);
    return jar;
  }
}
