// What a request over the WebSocket may come to; apart from it, because the first page needs no more.

/** An error the server answered a request with. */
export class RequestError extends Error {
  /** @param {string} id @param {string} message @param {boolean} fatal */
  constructor(id, message, fatal) {
    super(message);
    this.id = id;
    this.fatal = fatal;
  }
}
