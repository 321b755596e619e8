/** Threads of each of several that compute at the same time. */
export const threadShare = (threads: number, parts: number): number => Math.max(1, Math.floor(threads / parts));
