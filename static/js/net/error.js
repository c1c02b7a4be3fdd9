// What a request over the WebSocket may come to; apart from it, because the first page needs no more.

/** An error the server answered a request with. */
export class RequestError extends Error {
  /** @param {string} id @param {string} message @param {boolean} fatal @param {number} [retryAfter] seconds */
  constructor(id, message, fatal, retryAfter = 0) {
    super(message);
    this.id = id;
    this.fatal = fatal;
    this.retryAfter = retryAfter;
  }
}
