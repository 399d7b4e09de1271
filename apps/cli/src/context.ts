import type { Command } from 'commander';
import { Client, findCredential, isExposed, normalUrl } from './client.js';
import { CliError } from './errors.js';

/** What is typed before or after any command. */
export interface GlobalOptions {
  url: string;
  tokenFile?: string;
  json?: true;
  insecure?: true;
}

/** What commands get from it. */
export interface Context {
  /** A client of the server that was named, on behalf of whoever is known. */
  client: () => Client;
  /** A client that speaks for nobody, for logging in. */
  stranger: () => Client;
  /** Whether results are printed as JSON. */
  json: () => boolean;
}

/** The context of what was typed. */
export function contextOf(program: Command): Context {
  const given = () => program.opts<GlobalOptions>();
  return {
    json: () => given().json === true,
    client: () => {
      const { url: text, tokenFile, insecure } = given();
      const url = normalUrl(text);
      const credential = findCredential(tokenFile, url);
      if (credential && isExposed(url) && !insecure)
        process.stderr.write(
          'lapwing: warning: the token goes over plain http to another machine; use https, or say --insecure\n',
        );
      return new Client({ url, credential });
    },
    stranger: () => {
      const { url: text, insecure } = given();
      const url = normalUrl(text);
      if (isExposed(url) && !insecure)
        throw new CliError(
          'usage',
          'a password would go over plain http to another machine: use https, or say --insecure',
        );
      return new Client({ url, credential: undefined });
    },
  };
}
