/** What a client is told went wrong: a status and one sentence. */

/** Statuses of refused requests. */
export type ProblemStatus = 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 422 | 500 | 503;

/** A request that is refused. */
export class Problem extends Error {
  constructor(
    readonly status: ProblemStatus,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** A server that has too much to do at the moment; the client may try again a second later. */
export const busy = (message: string): Problem => new Problem(503, message, { "Retry-After": "1" });
